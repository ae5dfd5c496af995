//! A target that arrives in part: bytes of known ranges, one behind the other.

use std::io::{self, Read};
use std::ops::Range;

use super::DeltaError;

/// Reads what arrives by its place in the target, rising.
pub(super) struct Positioned<R> {
    source: R,
    /// What is still to arrive.
    ranges: Vec<Range<u64>>,
    /// Which of them is arriving.
    current: usize,
}

impl<R: Read> Positioned<R> {
    /// `source` brings these ranges, which rise, and nothing else.
    pub(super) fn new(source: R, ranges: Vec<Range<u64>>) -> Self {
        Self { source, ranges, current: 0 }
    }

    /// Reads on at `offset`, past what arrives before it.
    ///
    /// # Errors
    ///
    /// Fails when less arrives than was to, and when nobody asked for these bytes.
    pub(super) fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> Result<(), DeltaError> {
        loop {
            let arriving = self.ranges.get_mut(self.current).ok_or(DeltaError::Short)?;
            if arriving.end > offset && arriving.start <= offset {
                let skipped = offset - arriving.start;
                let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                let end = offset.checked_add(length).filter(|end| *end <= arriving.end);
                arriving.start = end.ok_or(DeltaError::Short)?;
                skip(&mut self.source, skipped)?;
                return self.source.read_exact(bytes).map_err(|_: io::Error| DeltaError::Short);
            }
            let length = arriving.end - arriving.start;
            if arriving.start > offset {
                return Err(DeltaError::Short);
            }
            skip(&mut self.source, length)?;
            self.current += 1;
        }
    }

    /// Takes the target that arrives behind this one.
    pub(super) fn next(self, ranges: Vec<Range<u64>>) -> Result<Self, DeltaError> {
        let mut source = self.source;
        let left: u64 = self.ranges[self.current.min(self.ranges.len())..]
            .iter()
            .map(|range| range.end - range.start)
            .sum();
        skip(&mut source, left)?;
        Ok(Self { source, ranges, current: 0 })
    }

    /// What brings it.
    pub(super) fn into_source(self) -> R {
        self.source
    }
}

fn skip(source: &mut impl Read, bytes: u64) -> Result<(), DeltaError> {
    let skipped = io::copy(&mut source.take(bytes), &mut io::sink());
    if skipped.ok() == Some(bytes) { Ok(()) } else { Err(DeltaError::Short) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_found_by_their_place_and_others_are_not_there() {
        let mut target = Positioned::new(&b"abcdefgh"[..], vec![10..14, 20..22, 30..32]);
        let mut two = [0; 2];
        target.read_at(11, &mut two).unwrap();
        assert_eq!(&two, b"bc");
        target.read_at(20, &mut two).unwrap();
        assert_eq!(&two, b"ef");
        assert!(matches!(target.read_at(20, &mut two), Err(DeltaError::Short)));
        let mut next = target.next(Vec::new()).unwrap();
        assert!(matches!(next.read_at(0, &mut two), Err(DeltaError::Short)));
    }

    #[test]
    fn a_range_does_not_go_on_in_the_next_one() {
        let mut target = Positioned::new(&b"abcd"[..], vec![0..2, 10..12]);
        let mut three = [0; 3];
        assert!(matches!(target.read_at(0, &mut three), Err(DeltaError::Short)));
    }

    #[test]
    fn what_does_not_arrive_is_missed() {
        let mut target = Positioned::new(&b"abc"[..], vec![0..1, 1..4]);
        target.read_at(0, &mut [0]).unwrap();
        assert!(matches!(target.read_at(1, &mut [0; 3]), Err(DeltaError::Short)));
    }
}
