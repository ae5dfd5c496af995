//! How far a set has reached the medium, so that it can be read back while the rest is still being written.
//!
//! One side counts what it wrote; the other asks for a range and waits until that was written *and flushed*, whoever
//! asks first doing the flushing, some megabytes at a time. A reader never sees bytes that a flush has not been asked for,
//! just as if it had started after the last write. Whoever stops writing early says so, and readers get an error in place of waiting.

use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use verity::ReadAt;

use super::region::Region;
use crate::plan::Part;

/// Bytes that are written before a flush is worth its time.
const STRIDE: u64 = 16 << 20;

/// The parts of one set.
#[derive(Debug, Default)]
pub(super) struct Settling {
    boot: Watermark,
    root: Watermark,
    hash: Watermark,
}

/// How far one partition is.
#[derive(Debug, Default)]
pub(super) struct Watermark {
    levels: Mutex<Levels>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Levels {
    written: u64,
    flushed: u64,
    /// Somebody is flushing, and will tell.
    flushing: bool,
    /// Nothing more will be written.
    ended: bool,
    /// What is written may be written again.
    abandoned: bool,
}

/// What somebody who wants a range is to do.
enum Next {
    Read,
    Flush,
    Wait,
    GiveUp,
}

impl Settling {
    /// The partition of a part.
    pub(super) fn of(&self, part: Part) -> &Watermark {
        match part {
            Part::Boot => &self.boot,
            Part::Root => &self.root,
            Part::Hash => &self.hash,
        }
    }

    /// Nothing can be read any more while it is being written: an image is begun again, and what was read of it may not stay.
    pub(super) fn abandon(&self) {
        self.all().into_iter().for_each(Watermark::abandon);
    }

    /// Whether [`Settling::abandon`] was called.
    pub(super) fn is_abandoned(&self) -> bool {
        self.boot.lock().abandoned
    }

    fn all(&self) -> [&Watermark; 3] {
        [&self.boot, &self.root, &self.hash]
    }

    /// Ends all parts when the value that is returned goes away, so that nobody waits for a writer that has gone.
    pub(super) fn until_dropped(&self) -> impl Drop {
        struct End<'a>(&'a Settling);
        impl Drop for End<'_> {
            fn drop(&mut self) {
                self.0.all().into_iter().for_each(Watermark::end);
            }
        }
        End(self)
    }
}

impl Watermark {
    /// Counts `bytes` more as written, right behind those before.
    pub(super) fn wrote(&self, bytes: u64) {
        let mut levels = self.lock();
        levels.written = levels.written.saturating_add(bytes);
        self.changed.notify_all();
    }

    /// Nothing more will be written.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    fn abandon(&self) {
        self.lock().abandoned = true;
        self.changed.notify_all();
    }

    /// Waits until everything before `end` was written and flushed.
    fn wait(&self, region: &Region, end: u64) -> io::Result<()> {
        let mut levels = self.lock();
        loop {
            match levels.next(end) {
                Next::Read => return Ok(()),
                Next::GiveUp => return Err(io::Error::other("it was not written to its end")),
                Next::Wait => {
                    levels = self.changed.wait(levels).unwrap_or_else(PoisonError::into_inner);
                }
                Next::Flush => {
                    levels.flushing = true;
                    let reached = levels.written;
                    drop(levels);
                    let flushed = region.settle();
                    levels = self.lock();
                    levels.flushing = false;
                    self.changed.notify_all();
                    flushed?;
                    levels.flushed = reached;
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Levels> {
        self.levels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Levels {
    fn next(&self, end: u64) -> Next {
        if self.abandoned {
            return Next::GiveUp;
        }
        if self.flushed >= end {
            return Next::Read;
        }
        if self.flushing {
            return Next::Wait;
        }
        let worth_a_flush = self.ended || self.written.saturating_sub(self.flushed) >= STRIDE;
        match (self.written >= end, worth_a_flush) {
            (true, true) => Next::Flush,
            (false, _) if self.ended => Next::GiveUp,
            _ => Next::Wait,
        }
    }
}

/// A partition that is read no further than it has settled.
#[derive(Debug)]
pub(super) struct Settled<'a> {
    region: &'a Region,
    /// None if all of it was written long ago.
    watermark: Option<&'a Watermark>,
}

impl<'a> Settled<'a> {
    pub(super) fn new(region: &'a Region, watermark: Option<&'a Watermark>) -> Self {
        Self { region, watermark }
    }
}

impl ReadAt for Settled<'_> {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        if let Some(watermark) = self.watermark {
            let length = u64::try_from(buffer.len()).unwrap_or(u64::MAX);
            watermark.wait(self.region, offset.saturating_add(length))?;
        }
        self.region.read_exact_at(buffer, offset)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs::File;
    use std::thread;

    use signpost::PartRange;

    use super::*;

    const LENGTH: u64 = 3 * STRIDE;

    fn region() -> (tempfile::TempDir, Region) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk");
        let disk = File::options().create_new(true).read(true).write(true).open(&path).unwrap();
        disk.set_len(LENGTH).unwrap();
        let region = Region::open(&disk, PartRange { index: 1, start: 0, length: LENGTH }).unwrap();
        (folder, region)
    }

    #[test]
    fn a_reader_waits_for_the_writer_and_sees_what_it_wrote() {
        let (_folder, region) = region();
        let watermark = Watermark::default();
        let settled = Settled::new(&region, Some(&watermark));
        thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut buffer = verity::AlignedBuffer::new(4096);
                settled.read_exact_at(&mut buffer, STRIDE).unwrap();
                buffer[0]
            });
            let mut buffer = verity::AlignedBuffer::new(4096);
            buffer.fill(7);
            region.write_all_at(&buffer, STRIDE).unwrap();
            watermark.wrote(STRIDE + 4096);
            assert_eq!(reader.join().unwrap(), 7);
        });
    }

    #[test]
    fn less_than_a_stride_is_flushed_only_at_the_end() {
        let mut levels = Levels { written: 4096, ..Levels::default() };
        assert!(matches!(levels.next(4096), Next::Wait));
        levels.ended = true;
        assert!(matches!(levels.next(4096), Next::Flush));
        levels.flushed = 4096;
        assert!(matches!(levels.next(4096), Next::Read));
    }

    #[test]
    fn what_was_written_after_a_flush_is_flushed_again() {
        let levels = Levels { written: 2 * STRIDE, flushed: STRIDE, ..Levels::default() };
        assert!(matches!(levels.next(STRIDE), Next::Read));
        assert!(matches!(levels.next(STRIDE + 1), Next::Flush));
    }

    #[test]
    fn what_is_begun_again_is_not_read_meanwhile() {
        let (_folder, region) = region();
        let settling = Settling::default();
        let watermark = settling.of(Part::Root);
        watermark.wrote(2 * STRIDE);
        let settled = Settled::new(&region, Some(watermark));
        let mut buffer = verity::AlignedBuffer::new(4096);
        settled.read_exact_at(&mut buffer, 0).unwrap();
        settling.abandon();
        assert!(settling.is_abandoned() && settled.read_exact_at(&mut buffer, 0).is_err());
    }

    #[test]
    fn nobody_waits_for_a_writer_that_has_gone() {
        let (_folder, region) = region();
        let settling = Settling::default();
        let settled = Settled::new(&region, Some(settling.of(Part::Root)));
        drop(settling.until_dropped());
        let mut buffer = verity::AlignedBuffer::new(4096);
        assert!(settled.read_exact_at(&mut buffer, 0).is_err());
    }
}
