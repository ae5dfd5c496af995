//! How hard to compress.
//!
//! zstd's own tables are for small windows: a hash table of level 3 would remember a hundredth of 24 MiB. What is set here
//! was chosen by measuring pairs of root images. Levels 5 to 12 look rows of a hash table up, which
//! nearly covers a window and a piece, and are quick. The binary trees above cover no more than half of it in twice the memory:
//! only the highest levels make up for it, and take ten times as long. 12 is the default.

use zstd::zstd_safe::{CCtx, CParameter, ErrorCode};

/// A level of zstd, with tables for a window of 24 MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(i32);

/// 32 MiB: a window and a piece.
const WINDOW_LOG: u32 = 25;

/// Window, piece, compressed piece, and what zstd has beside its tables.
const BUFFERS: usize = (24 + 8 + 8 + 2) << 20;

impl Level {
    /// A level from 1 to 19.
    pub fn new(level: i32) -> Option<Self> {
        (1..=19).contains(&level).then_some(Self(level))
    }

    /// zstd's number of it.
    pub fn number(self) -> i32 {
        self.0
    }

    /// Bytes that a thread takes: 74 MiB up to level 4, 122 MiB up to level 12, 186 MiB above.
    pub fn thread_memory(self) -> usize {
        let Tables { hash_log, chain_log } = self.tables();
        let rows = if (5..=12).contains(&self.0) { 5 } else { 4 }; // a tag of a byte beside each place
        BUFFERS + (rows << hash_log) + chain_log.map_or(0, |log| 4 << log)
    }

    pub(crate) fn set(self, context: &mut CCtx<'_>) -> Result<(), ErrorCode> {
        let Tables { hash_log, chain_log } = self.tables();
        let tables = [Some(CParameter::HashLog(hash_log)), chain_log.map(CParameter::ChainLog)];
        [CParameter::CompressionLevel(self.0), CParameter::WindowLog(WINDOW_LOG)]
            .into_iter()
            .chain(tables.into_iter().flatten())
            .try_for_each(|parameter| context.set_parameter(parameter).map(drop))
    }

    fn tables(self) -> Tables {
        let (hash_log, chain_log) = match self.0 {
            ..=4 => (22, Some(22)),
            5..=12 => (24, None),
            _ => (22, Some(25)),
        };
        Tables { hash_log, chain_log }
    }
}

/// Binary logarithms of how many places zstd's tables have.
struct Tables {
    hash_log: u32,
    /// Rows need none.
    chain_log: Option<u32>,
}

impl Default for Level {
    fn default() -> Self {
        Self(12)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_those_of_zstd_without_its_ultra_ones() {
        assert!(Level::new(0).is_none() && Level::new(20).is_none());
        assert_eq!(Level::new(12), Some(Level::default()));
    }

    #[test]
    fn memory_is_what_is_said() {
        let mib = |level| Level(level).thread_memory() >> 20;
        assert_eq!([1, 4, 5, 12, 13, 19].map(mib), [74, 74, 122, 122, 186, 186]);
    }
}
