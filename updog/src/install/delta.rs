//! A release made of a delta pack and the set that runs.
//!
//! ```text
//! head, compared with the manifest ─▶ runs ─▶ root image ─▶ boot image ─▶ tree, made of leaves ─▶ flushed ─▶ the whole set checked
//!                                      ▲
//!          pieces as they arrive, blocks of the running set, zeros
//! ```
//!
//! The running set is never written. Its root blocks are compared with their leaves before they are used, pieces with the digests of
//! the head; and in the end the new set is read back and compared with what the release says, just as one that came in images. That
//! last check decides, so that nothing before it can put another set on the disk than the signed one.
//!
//! Memory, with no regard to how large the releases are: a window of 24 MiB, the blocks of a piece 8 MiB, its compressed bytes 8 MiB, the
//! writer's buffers 6 MiB, and 1 MiB for the download. With their size: 32 bytes for each block of the running root image and of the new one. That
//! makes 63 MiB for root images of 1 GiB, beside what the program takes anyway and the runs of the head: 16 bytes each, as many as there are changes.
//!
//! Left out: ranges of a pack. It is fetched as a whole, from its first byte to its last.

mod build;
mod error;
mod head;
mod pieces;
mod running;
mod tree;

use std::fs::File;

use bytes::Bytes;
use gptprio::SetId;
use manifest::{Content, Contents};
use pack::{Head, Image};
use signpost::{Disk, SetLayout};
use tokio::sync::mpsc::Receiver;
use verity::Digest;

use build::{Build, NewSet};
pub use error::DeltaError;
use pieces::Pieces;
pub use running::Running;

use super::decode::Arriving;
use super::writer::Writer;
use super::{Cleared, DecodeError, Downloads, InstallError, Region, Watch, check_set};
use crate::mirrors::Setback;
use crate::plan::PackPlan;
use crate::source::Origin;

/// Pieces of a download that may wait: few, since memory is needed elsewhere.
const AHEAD: usize = 4;

/// A pack on its way to the inactive set.
pub(super) struct Receive<'a> {
    pub(super) disk: &'a Disk,
    pub(super) set: SetId,
    pub(super) pack: &'a PackPlan,
    pub(super) contents: &'a Contents,
    /// The set that is written.
    pub(super) layout: &'a SetLayout,
    pub(super) downloads: &'a Downloads<'a>,
    pub(super) watch: &'a Watch<'a>,
}

impl Receive<'_> {
    /// Fetches the pack, makes the new set of it, flushes it and reads it back.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, with the pack or on the disk. What was written by then is on a set that cannot boot.
    pub(super) fn run(&self, _: &Cleared) -> Result<(), InstallError> {
        let running = Running::open(self.disk.file(), &self.pack.running);
        let running = running.map_err(|error| self.failed(error))?;
        self.downloads.mirrors.ask(|mirror| self.from(mirror, &running))?;
        let set = self.set;
        let flushed = self.disk.file().sync_all();
        flushed.map_err(|source| InstallError::Flush { set, source })?;
        check_set(self.disk.file(), self.layout, self.contents, self.watch.checked)
            .map_err(|source| InstallError::Check { set, source })
    }

    fn from(&self, mirror: &Origin, running: &Running) -> Result<(), Setback<InstallError>> {
        let target = &self.pack.target;
        let name = || target.name().to_owned();
        let fetch = |source| Setback::Mirror(InstallError::FetchPack { target: name(), source });
        let making = Making {
            disk: self.disk.file(),
            head: &self.pack.head,
            contents: self.contents,
            layout: self.layout,
            running,
            written: self.watch.written,
        };
        let take = |chunks| making.run(chunks);
        let delivered = self.downloads.deliver(mirror, (target, AHEAD), self.watch.fetched, take);
        let delivered = delivered.map_err(fetch)?;
        let made = delivered.taken.map_err(|_| Setback::Host(InstallError::Stopped))?;
        let made = made.map_err(|error| self.setback(error));
        match delivered.fetched {
            // The other thread has gone first, and knows why.
            Err(error) if error.is_stopped() => made.and(Err(Setback::Host(InstallError::Stopped))),
            Err(error) => Err(fetch(error)),
            Ok(()) => {
                let whole = delivered.whole.map_err(DecodeError::from);
                whole.map_err(|error| Setback::Mirror(self.failed(error.into())))?;
                made
            }
        }
    }

    /// Of a pack that is not the one that was made, another mirror may have a better one.
    fn setback(&self, error: DeltaError) -> Setback<InstallError> {
        let is_of_mirror = matches!(
            error,
            DeltaError::Short
                | DeltaError::Head { .. }
                | DeltaError::Pack(pack::Error::Magic | pack::Error::CompressedDigest { .. })
        );
        let failed = self.failed(error);
        if is_of_mirror { Setback::Mirror(failed) } else { Setback::Host(failed) }
    }

    fn failed(&self, source: DeltaError) -> InstallError {
        InstallError::Pack { target: self.pack.target.name().to_owned(), source }
    }
}

/// What the thread has that makes the set.
struct Making<'a> {
    disk: &'a File,
    /// What the release says of the pack's head.
    head: &'a Content,
    contents: &'a Contents,
    layout: &'a SetLayout,
    running: &'a Running,
    written: &'a (dyn Fn(u64) + Sync),
}

impl Making<'_> {
    /// Makes the three images of what arrives, and takes it to its end.
    fn run(&self, chunks: Receiver<Bytes>) -> Result<(), DeltaError> {
        let mut arriving = Arriving::new(chunks);
        let head = head::read(&mut arriving, self.head)?;
        self.running.check(&head)?;
        head::check(&head, self.contents)?;
        let open = |range| Region::open(self.disk, range).map_err(DecodeError::Write);
        let new = NewSet { root: open(self.layout.root)?, boot: open(self.layout.boot)? };
        let mut pieces = Pieces::new(&head, arriving, self.running);
        let leaves = self.image(Image::Root, &head, &new, &mut pieces)?;
        self.image(Image::Boot, &head, &new, &mut pieces)?;
        let mut arriving = pieces.into_source();
        let hash = open(self.layout.hash)?;
        tree::write(&hash, leaves, self.running.params(), self.contents)?;
        if arriving.drain() { Err(DecodeError::TrailingBytes.into()) } else { Ok(()) }
    }

    fn image<'a>(
        &'a self,
        image: Image,
        head: &Head,
        new: &'a NewSet,
        pieces: &mut Pieces<'a, Arriving>,
    ) -> Result<Vec<Digest>, DeltaError> {
        let blocks = head.new_release().blocks(image);
        Writer::run(new.of(image), self.written, |writer| {
            Build::new(image, (self.running, new), pieces, writer).run(head.runs(image), blocks)
        })
    }
}

#[cfg(test)]
mod tests;
