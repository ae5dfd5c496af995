//! Memory that starts at a multiple of the block size.

use std::ops::{Deref, DerefMut};

use crate::BLOCK_SIZE;

/// A zeroed buffer that starts at an address divisible by [`BLOCK_SIZE`], as `O_DIRECT` wants it.
#[derive(Debug)]
pub struct AlignedBuffer {
    /// Longer than asked for, so that an aligned start exists; never resized, so that it stays.
    memory: Vec<u8>,
    start: usize,
    length: usize,
}

impl AlignedBuffer {
    /// A buffer of `length` zero bytes.
    pub fn new(length: usize) -> Self {
        let memory = vec![0; length + BLOCK_SIZE];
        let start = memory.as_ptr().align_offset(BLOCK_SIZE);
        assert!(start < BLOCK_SIZE, "bytes can always be skipped up to an alignment");
        Self { memory, start, length }
    }
}

impl Deref for AlignedBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.length]
    }
}

impl DerefMut for AlignedBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.start + self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_is_aligned_and_survives_a_move() {
        for length in [0, 1, 4096, 100_000] {
            let buffer = AlignedBuffer::new(length);
            let moved = [buffer];
            assert_eq!(moved[0].as_ptr().align_offset(BLOCK_SIZE), 0);
            assert_eq!(moved[0].len(), length);
        }
    }
}
