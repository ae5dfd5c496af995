//! An input as a row of choices.

/// What is left of an input; what is not there any more is zero.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    /// The next bytes, fewer at the end.
    pub fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    /// The next two bytes.
    pub fn short(&mut self) -> u16 {
        u16::from_le_bytes(self.array())
    }

    /// The next four bytes.
    pub fn word(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    /// The next eight bytes.
    pub fn long(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    /// The next bytes, filled up with zeros.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let taken = self.bytes(N);
        array[..taken.len()].copy_from_slice(taken);
        array
    }

    /// Whether there is nothing left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts bytes of the input to places of the input's choice: a length of at most 15, two bytes of place, the bytes.
    pub fn edit(&mut self, bytes: &mut [u8]) {
        while !self.is_empty() && !bytes.is_empty() {
            let (length, place) = (usize::from(self.byte() % 16), usize::from(self.short()));
            let place = place % bytes.len();
            let new = self.bytes(length);
            let end = (place + new.len()).min(bytes.len());
            bytes[place..end].copy_from_slice(&new[..end - place]);
        }
    }
}
