//! Byte ranges in pieces of a bounded length, and whether they are ranges of a target at all.

use std::ops::Range;

/// The first of `ranges` that is empty, begins before the end of the one before it, or goes beyond `length` bytes.
pub(crate) fn first_strange(ranges: &[Range<u64>], length: u64) -> Option<&Range<u64>> {
    let mut end = 0;
    ranges.iter().find(|range| {
        let fine = end <= range.start && range.start < range.end && range.end <= length;
        end = range.end;
        !fine
    })
}

/// The same bytes in the same order, in pieces of at most `most` bytes each, which is more than none.
pub(crate) fn pieces(ranges: &[Range<u64>], most: u64) -> impl Iterator<Item = Range<u64>> {
    ranges.iter().flat_map(move |range| {
        let mut start = range.start;
        std::iter::from_fn(move || {
            let piece = start..range.end.min(start.saturating_add(most));
            start = piece.end;
            (!piece.is_empty()).then_some(piece)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(bounds: &[(u64, u64)]) -> Vec<Range<u64>> {
        bounds.iter().map(|&(start, end)| start..end).collect()
    }

    fn cut(bounds: &[(u64, u64)]) -> Vec<Range<u64>> {
        pieces(&ranges(bounds), 10).collect()
    }

    #[test]
    fn long_ranges_are_cut_and_neighbours_stay_apart() {
        let some = [0..10, 10..20, 20..25, 25..26, 40..50];
        assert_eq!(cut(&[(0, 25), (25, 26), (40, 50)]), some);
        let last = [(u64::MAX - 3, u64::MAX)];
        assert_eq!(cut(&last), ranges(&last));
        assert_eq!(cut(&[]), []);
    }

    #[test]
    fn ranges_rise_within_the_length_and_are_not_empty() {
        assert_eq!(first_strange(&[0..1, 1..5, 7..9], 9), None);
        assert_eq!(first_strange(&[], 0), None);
        for strange in [&[(0, 0)][..], &[(0, 2), (1, 3)], &[(5, 6), (0, 1)], &[(0, 10)], &[(9, 10)]]
        {
            let strange = ranges(strange);
            assert_eq!(first_strange(&strange, 9), strange.last(), "{strange:?}");
        }
    }
}
