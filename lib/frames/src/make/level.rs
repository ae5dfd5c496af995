//! How hard to compress.

use zstd::zstd_safe::{CCtx, CParameter, ErrorCode};

/// A level of zstd. Its own tables fit, since it knows how long a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(i32);

impl Level {
    /// A level from 1 to 19.
    pub fn new(level: i32) -> Option<Self> {
        (1..=19).contains(&level).then_some(Self(level))
    }

    /// For what no older release holds, if nothing else is said: little of an image, and what all hosts fetch.
    pub const NEW: Self = Self(18);

    /// zstd's number of it.
    pub fn number(self) -> i32 {
        self.0
    }

    pub(super) fn set(self, context: &mut CCtx<'_>) -> Result<(), ErrorCode> {
        context.set_parameter(CParameter::CompressionLevel(self.0)).map(drop)
    }
}

impl Default for Level {
    fn default() -> Self {
        Self(9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_those_of_zstd_without_its_ultra_ones() {
        assert!(Level::new(0).is_none() && Level::new(20).is_none());
        assert_eq!(Level::new(9), Some(Level::default()));
    }
}
