//! A disk as a row of sectors, over one that does not change.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::chance::mixed;

/// Length of a sector in bytes: what a disk writes whole, but for the one that it is at when power fails.
pub(super) const SECTOR: usize = 512;

/// The bytes of one sector.
pub(super) type Bytes = [u8; SECTOR];

/// A sector that was written, with a number that stands for its place and bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its bytes.
    pub bytes: Bytes,
    digest: u64,
}

impl Written {
    /// What was written to a sector.
    #[must_use]
    pub fn new(sector: u64, bytes: Bytes) -> Self {
        let mut digest = mixed(sector);
        for chunk in bytes.chunks_exact(8) {
            let number = chunk.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
            digest = mixed(digest.wrapping_add(number));
        }
        Self { bytes, digest }
    }
}

/// A disk, as it was at first but for what was written.
#[derive(Clone, Debug)]
pub struct Sectors {
    base: Arc<[u8]>,
    /// What is certain, shared by many disks.
    certain: Arc<BTreeMap<u64, Arc<Written>>>,
    /// What came on top.
    more: BTreeMap<u64, Arc<Written>>,
}

impl Sectors {
    /// A disk as it was.
    #[must_use]
    pub fn new(base: Arc<[u8]>) -> Self {
        Self { base, certain: Arc::default(), more: BTreeMap::new() }
    }

    pub(super) fn over(base: Arc<[u8]>, certain: Arc<BTreeMap<u64, Arc<Written>>>) -> Self {
        Self { base, certain, more: BTreeMap::new() }
    }

    /// How many sectors there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        u64::try_from(self.base.len() / SECTOR).unwrap_or(u64::MAX)
    }

    /// The bytes of a sector; zeros behind the end.
    #[must_use]
    pub fn sector(&self, sector: u64) -> Bytes {
        if let Some(written) = self.more.get(&sector).or_else(|| self.certain.get(&sector)) {
            return written.bytes;
        }
        let start = usize::try_from(sector).unwrap_or(usize::MAX).saturating_mul(SECTOR);
        let bytes = self.base.get(start..).and_then(|bytes| bytes.first_chunk());
        bytes.copied().unwrap_or([0; SECTOR])
    }

    /// Bytes from a sector on, as many whole sectors as `buffer` has room for.
    pub fn read(&self, first: u64, buffer: &mut [u8]) {
        for (sector, place) in (first..).zip(buffer.chunks_exact_mut(SECTOR)) {
            place.copy_from_slice(&self.sector(sector));
        }
    }

    /// Puts a sector there.
    pub fn put(&mut self, sector: u64, written: Arc<Written>) {
        self.more.insert(sector, written);
    }

    /// Writes whole sectors from one on; what is the same already stays as it is.
    pub fn write(&mut self, first: u64, data: &[u8]) {
        for (sector, bytes) in (first..).zip(data.chunks_exact(SECTOR)) {
            let bytes = bytes.first_chunk().copied().unwrap_or([0; SECTOR]);
            if self.sector(sector) != bytes {
                self.put(sector, Arc::new(Written::new(sector, bytes)));
            }
        }
    }

    /// A number that stands for what was written in a range of sectors.
    #[must_use]
    pub fn digest(&self, range: std::ops::Range<u64>) -> u64 {
        let certain = self.certain.range(range.clone());
        let certain = certain.filter(|(sector, _)| !self.more.contains_key(sector));
        let all = certain.chain(self.more.range(range));
        all.fold(0, |sum, (_, written)| sum ^ written.digest)
    }

    /// Whether something was written in a range of sectors.
    #[must_use]
    pub fn is_changed(&self, range: std::ops::Range<u64>) -> bool {
        self.certain.range(range.clone()).next().is_some()
            || self.more.range(range).next().is_some()
    }

    /// Every sector that was written.
    pub fn written(&self) -> impl Iterator<Item = (u64, &Bytes)> {
        let certain = self.certain.iter().filter(|(sector, _)| !self.more.contains_key(sector));
        certain.chain(&self.more).map(|(sector, written)| (*sector, &written.bytes))
    }

    /// The disk as it was at first.
    #[must_use]
    pub fn base(&self) -> &Arc<[u8]> {
        &self.base
    }
}
