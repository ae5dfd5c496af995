//! Which chunks of old blocks have most in common with a piece.
//!
//! A chunk is voted for by each feature that it shares with the piece; a feature that many chunks have says little about
//! each, and is shared out among them.

use std::collections::BTreeSet;

/// A vote that is not shared.
const VOTE: u32 = 1 << 10;

/// A feature in more chunks than this says nothing.
const COMMON: usize = 32;

/// The features of all chunks: 8 bytes each, sorted.
#[derive(Default)]
pub(crate) struct Votes {
    /// A feature, and a chunk that has it.
    marks: Vec<(u32, u32)>,
    chunks: usize,
}

impl Votes {
    /// Takes the features of chunk after chunk.
    pub(crate) fn new(chunks: impl IntoIterator<Item = BTreeSet<u32>>) -> Self {
        let mut votes = Self::default();
        for (chunk, features) in (0..).zip(chunks) {
            votes.marks.extend(features.into_iter().map(|feature| (feature, chunk)));
            votes.chunks += 1;
        }
        votes.marks.sort_unstable();
        votes
    }

    /// The votes for each chunk, of a piece with these features.
    pub(crate) fn of(&self, features: &BTreeSet<u32>) -> Vec<u32> {
        let mut votes = vec![0; self.chunks];
        for feature in features {
            let chunks = self.chunks_with(*feature);
            if (1..=COMMON).contains(&chunks.len()) {
                let vote = VOTE / u32::try_from(chunks.len()).expect("few");
                for (_, chunk) in chunks {
                    votes[usize::try_from(*chunk).expect("an index")] += vote;
                }
            }
        }
        votes
    }

    fn chunks_with(&self, feature: u32) -> &[(u32, u32)] {
        let start = self.marks.partition_point(|mark| mark.0 < feature);
        let count = self.marks[start..].partition_point(|mark| mark.0 == feature);
        &self.marks[start..start + count]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_features_count_most_and_common_ones_nothing() {
        let chunks = (0..100_u32).map(|chunk| match chunk {
            7 => BTreeSet::from([1, 2, 3]),
            8 => BTreeSet::from([1, 2, 4]),
            _ => BTreeSet::from([1, 5]),
        });
        let votes = Votes::new(chunks).of(&BTreeSet::from([1, 2, 3]));
        assert_eq!((votes[7], votes[8], votes[9]), (VOTE / 2 + VOTE, VOTE / 2, 0));
    }
}
