//! Where frames begin.

use crate::FRAME_BLOCKS;

/// What one frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// How many blocks.
    pub(super) blocks: u8,
    /// No older release holds any of them.
    pub(super) is_new: bool,
}

/// Cuts blocks into frames of the same age; a block without an age takes that of those beside it. A frame has at most `most` blocks, and at most
/// [`FRAME_BLOCKS`] if no older release holds them.
pub(super) fn cut(ages: impl Iterator<Item = Option<u64>>, most: u32) -> Vec<Cut> {
    let count = |most: u32| u8::try_from(most.clamp(1, FRAME_BLOCKS)).expect("few blocks");
    let mut cuts: Vec<Cut> = Vec::new();
    let mut current: Option<u64> = None;
    for age in ages {
        let is_same = age.is_none() || current.is_none() || age == current;
        current = age.or(current);
        let is_new = current == Some(0);
        let most = count(if is_new { FRAME_BLOCKS } else { most });
        match cuts.last_mut() {
            Some(cut) if is_same && cut.blocks < most => {
                cut.blocks += 1;
                cut.is_new = is_new;
            }
            _ => cuts.push(Cut { blocks: 1, is_new }),
        }
    }
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cuts(ages: &[Option<u64>], most: u32) -> Vec<u8> {
        cut(ages.iter().copied(), most).iter().map(|cut| cut.blocks).collect()
    }

    #[test]
    fn frames_end_where_the_age_changes_and_when_they_are_full() {
        let ages = [1, 1, 1, 1, 1, 0, 1, 1].map(Some);
        assert_eq!(cuts(&ages, 32), [5, 1, 2]);
        assert_eq!(cuts(&ages, 2), [2, 2, 1, 1, 2]);
        assert_eq!(cuts(&[], 2), []);
        assert_eq!(cuts(&[Some(3); 300], 1000), [128, 128, 44]);
    }

    #[test]
    fn what_is_new_is_in_longer_frames() {
        let ages = [[Some(0); 40], [Some(1); 40], [None; 40]].concat();
        let cuts = cut(ages.into_iter(), 32);
        let sizes = cuts.iter().map(|cut| (cut.blocks, cut.is_new));
        assert_eq!(sizes.collect::<Vec<_>>(), [(40, true), (32, false), (32, false), (16, false)]);
    }

    #[test]
    fn zeros_go_with_what_they_lie_beside() {
        let (old, new, zero) = (Some(1), Some(0), None);
        assert_eq!(cuts(&[zero, zero, old, zero, old, zero, new, zero], 32), [6, 2]);
        assert_eq!(cuts(&[zero; 40], 32), [32, 8]);
    }
}
