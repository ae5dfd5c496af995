//! Whether a mirror's server knows ranges, as far as this run has found out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Shared by all that is fetched from one mirror.
#[derive(Clone, Debug, Default)]
pub(crate) struct Support {
    lacking: Arc<AtomicBool>,
}

impl Support {
    /// Whether the server was found to have none.
    pub(crate) fn is_lacking(&self) -> bool {
        self.lacking.load(Ordering::Relaxed)
    }

    /// From now on, no ranges are asked for.
    pub(crate) fn lacks(&self) {
        self.lacking.store(true, Ordering::Relaxed);
    }
}
