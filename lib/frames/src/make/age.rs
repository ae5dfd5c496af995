//! Which older releases hold the content of a block.

use verity::{Inventory, Leaves, Prefix};

/// The most older releases that are looked at.
pub const MAX_OLDER: usize = 64;

/// What an older release consists of: what its hosts need not fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Older([Inventory; 2]);

impl Older {
    /// A release of these images, whose leaves have the salt of the new one.
    ///
    /// # Errors
    ///
    /// As [`Inventory::of`].
    pub fn new(root: &Leaves, boot: &Leaves) -> Result<Self, verity::Error> {
        Ok(Self([Inventory::of_leaves(root)?, Inventory::of_leaves(boot)?]))
    }

    /// Whether it has a block of this content, in whatever place.
    pub fn has(&self, prefix: Prefix) -> bool {
        self.0.iter().any(|inventory| inventory.has(prefix))
    }
}

/// A bit for each older release that holds the content; nothing for zeros, which nobody fetches.
pub(super) fn of(prefix: Prefix, zero: &Prefix, older: &[Older]) -> Option<u64> {
    let holders = older.iter().take(MAX_OLDER);
    let bits = holders.fold(0, |bits, release| bits << 1 | u64::from(release.has(prefix)));
    (prefix != *zero).then_some(bits)
}
