//! Where frames begin.

use crate::FRAME_BLOCKS;

/// Cuts blocks into frames of at most `most` blocks of the same age; a block without an age takes that of those beside it.
pub(super) fn cut(ages: impl Iterator<Item = Option<u64>>, most: u32) -> Vec<u8> {
    let most = u8::try_from(most.clamp(1, FRAME_BLOCKS)).expect("a frame has few blocks");
    let mut frames: Vec<u8> = Vec::new();
    let mut current: Option<u64> = None;
    for age in ages {
        let is_same = age.is_none() || current.is_none() || age == current;
        match frames.last_mut() {
            Some(blocks) if is_same && *blocks < most => *blocks += 1,
            _ => frames.push(1),
        }
        current = age.or(current);
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cuts(ages: &[Option<u64>], most: u32) -> Vec<u8> {
        cut(ages.iter().copied(), most)
    }

    #[test]
    fn frames_end_where_the_age_changes_and_when_they_are_full() {
        let ages = [1, 1, 1, 1, 1, 0, 1, 1].map(Some);
        assert_eq!(cuts(&ages, 32), [5, 1, 2]);
        assert_eq!(cuts(&ages, 2), [2, 2, 1, 1, 2]);
        assert_eq!(cuts(&[], 2), []);
        assert_eq!(cuts(&[Some(3); 70], 1000), [32, 32, 6]);
    }

    #[test]
    fn zeros_go_with_what_they_lie_beside() {
        let (old, new, zero) = (Some(1), Some(0), None);
        assert_eq!(cuts(&[zero, zero, old, zero, old, zero, new, zero], 32), [6, 2]);
        assert_eq!(cuts(&[zero; 40], 32), [32, 8]);
    }
}
