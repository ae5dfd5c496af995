//! Folders: names in order, in blocks.
//!
//! A block begins with its entries, 12 bytes each, and goes on with their names. The first entry says where the names
//! begin, and so how many entries there are.

use std::ops::Range;

use super::BLOCK;

/// Bytes of an entry without its name.
const ENTRY: usize = 12;

/// What is in a folder.
#[derive(Clone, Debug, Default)]
pub(super) struct Directory<'a> {
    /// Sorted by their bytes.
    entries: Vec<Entry<'a>>,
}

/// One name in a folder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub(super) name: &'a [u8],
    /// Which node it stands for, by its place in the plan.
    pub(super) node: usize,
    /// The kind of what it stands for.
    pub(super) kind: u8,
}

impl<'a> Directory<'a> {
    /// A folder of these entries, and of `.` and `..`, which must be among them.
    pub(super) fn new(mut entries: Vec<Entry<'a>>) -> Self {
        entries.sort_unstable_by_key(|entry| entry.name);
        Self { entries }
    }

    /// Its length in bytes; its last block is not padded.
    pub(super) fn size(&self) -> usize {
        let blocks = self.blocks();
        let Some((last, whole)) = blocks.split_last() else { return 0 };
        whole.len() * BLOCK + self.entries[last.clone()].iter().map(Entry::size).sum::<usize>()
    }

    /// Its bytes, with the numbers of the inodes that the entries stand for.
    pub(super) fn encode(&self, number: impl Fn(usize) -> u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        for block in self.blocks() {
            bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
            let entries = &self.entries[block];
            let mut name_at = entries.len() * ENTRY;
            for entry in entries {
                let place = u16::try_from(name_at).expect("a block has 4096 bytes");
                bytes.extend_from_slice(&number(entry.node).to_le_bytes());
                bytes.extend_from_slice(&place.to_le_bytes());
                bytes.extend_from_slice(&[entry.kind, 0]);
                name_at += entry.name.len();
            }
            bytes.extend(entries.iter().flat_map(|entry| entry.name));
        }
        bytes
    }

    /// Which entries are in which block: as many as fit, in order.
    fn blocks(&self) -> Vec<Range<usize>> {
        let mut blocks = Vec::new();
        let (mut first, mut used) = (0, 0);
        for (index, entry) in self.entries.iter().enumerate() {
            if used + entry.size() > BLOCK {
                blocks.push(first..index);
                (first, used) = (index, 0);
            }
            used += entry.size();
        }
        blocks.push(first..self.entries.len());
        blocks
    }
}

impl Entry<'_> {
    fn size(&self) -> usize {
        ENTRY + self.name.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(names: &[Vec<u8>]) -> Directory<'_> {
        let entry = |(node, name): (usize, &'static [u8])| Entry { name, node, kind: 2 };
        let own = [(0, &b"."[..]), (0, b"..")].map(entry);
        let others = names.iter().zip(1..).map(|(name, node)| Entry { name, node, kind: 1 });
        Directory::new(own.into_iter().chain(others).collect())
    }

    #[test]
    fn names_are_sorted_by_their_bytes() {
        let names = [b"b".to_vec(), b"\xff".to_vec(), b"-".to_vec(), b".a".to_vec()];
        let bytes = folder(&names).encode(|node| u64::try_from(node).expect("small") + 100);
        assert_eq!(bytes.len(), 6 * 12 + 8);
        assert_eq!(bytes[72..], *b"-....ab\xff");
        assert_eq!(bytes[..12], [103, 0, 0, 0, 0, 0, 0, 0, 72, 0, 1, 0]);
    }

    #[test]
    fn blocks_are_filled_to_the_last_byte_and_no_further() {
        for length in [1, 200, 255] {
            let names: Vec<Vec<u8>> =
                (0..300_u32).map(|index| format!("{index:0length$}").into_bytes()).collect();
            let folder = folder(&names);
            let bytes = folder.encode(|_| 1);
            assert_eq!(bytes.len(), folder.size());
            let mut found = 0;
            for block in bytes.chunks(BLOCK) {
                let names_at = u16::from_le_bytes([block[8], block[9]]);
                found += usize::from(names_at) / ENTRY;
            }
            assert_eq!(found, 302);
        }
    }
}
