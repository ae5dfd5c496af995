//! An image that ends within a block.

use std::io;

use verity::{BLOCK_SIZE, ReadAt};

/// Shows zeros after the end of an image.
#[derive(Clone, Copy, Debug)]
pub struct Padded<R> {
    inner: R,
    length: u64,
}

impl<R> Padded<R> {
    /// The first `length` bytes of `inner`, and zeros behind them.
    pub fn new(inner: R, length: u64) -> Self {
        Self { inner, length }
    }

    /// Its length in bytes, in whole blocks.
    pub fn length(&self) -> u64 {
        self.length.next_multiple_of(u64::try_from(BLOCK_SIZE).expect("a small number"))
    }
}

impl<R: ReadAt> ReadAt for Padded<R> {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let there = usize::try_from(self.length.saturating_sub(offset)).unwrap_or(usize::MAX);
        let (inside, behind) = buffer.split_at_mut(there.min(buffer.len()));
        behind.fill(0);
        if inside.is_empty() { Ok(()) } else { self.inner.read_exact_at(inside, offset) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_follow_the_last_byte() {
        let image = vec![7_u8; 5000];
        let padded = Padded::new(&image, 5000);
        assert_eq!(padded.length(), 8192);
        let mut bytes = [1; 4096];
        padded.read_exact_at(&mut bytes, 4096).expect("it is there");
        assert!(bytes[..904].iter().all(|byte| *byte == 7));
        assert!(bytes[904..].iter().all(|byte| *byte == 0));
        padded.read_exact_at(&mut bytes, 8192).expect("nothing but zeros");
        assert_eq!(bytes, [0; 4096]);
    }
}
