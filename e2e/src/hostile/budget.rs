//! How much a server sends before it ends its connections.

use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that may still be sent, over all connections. Clones share it.
#[derive(Clone, Debug)]
pub struct Budget {
    left: Arc<Mutex<usize>>,
}

impl Budget {
    /// So many bytes.
    pub fn new(bytes: usize) -> Self {
        Self { left: Arc::new(Mutex::new(bytes)) }
    }

    /// Bytes that are left.
    pub fn left(&self) -> usize {
        *self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As many of `bytes` as are left, which are spent with that.
    pub(super) fn take(&self, bytes: usize) -> usize {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let granted = bytes.min(*left);
        *left -= granted;
        granted
    }
}
