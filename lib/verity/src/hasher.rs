//! Digests of blocks.

use ring::digest::{Context, SHA256};

use crate::Salt;

/// SHA-256 of the salt and one block.
pub type Digest = [u8; 32];

/// Hashes blocks with one salt; cheap to clone, meant to be shared.
#[derive(Clone)]
pub struct BlockHasher {
    /// Has taken the salt in already.
    salted: Context,
}

impl BlockHasher {
    /// A hasher that puts `salt` before every block.
    pub fn new(salt: &Salt) -> Self {
        let mut salted = Context::new(&SHA256);
        salted.update(salt.as_bytes());
        Self { salted }
    }

    /// The digest of one block of data or of the tree.
    pub fn digest(&self, block: &[u8]) -> Digest {
        let mut context = self.salted.clone();
        context.update(block);
        context.finish().as_ref().try_into().expect("SHA-256 gives 32 bytes")
    }
}

impl std::fmt::Debug for BlockHasher {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("BlockHasher").finish_non_exhaustive()
    }
}
