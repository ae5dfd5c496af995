//! Calls that are made to fail, where they are recorded.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use nix::errno::Errno;

use super::call::{self, Deed, Subject};
use super::event::Event;
use super::fault::{Fault, Site};
use super::filing::content_flushed;
use super::record::{Before, Recorder};
use super::task::Task;
use super::trace::{Call, Verdict};

impl Recorder {
    /// Whether this is the call that is to fail, and how.
    pub(super) fn fault(
        &mut self,
        task: &Task,
        call: &Call,
        deed: Deed,
    ) -> io::Result<Option<Fault>> {
        let path = self.path_of(task, call)?;
        let place = match (&path, deed.elsewhere()) {
            (Some(path), _) => self.short_name(path),
            (None, Some(place)) => place.into(),
            (None, None) => return Ok(None),
        };
        let site = Site { deed, place };
        let count = self.sites.entry(site.clone()).or_default();
        *count += 1;
        let number = *count;
        Ok(self.plan.as_ref().filter(|plan| plan.is_at(&site, number)).map(|plan| plan.fault))
    }

    /// A path below the folder, without what is different each time.
    fn short_name(&self, path: &Path) -> String {
        let short = path.strip_prefix(&self.folder).unwrap_or(path);
        let parts = short.iter().map(|part| {
            let part = part.to_string_lossy();
            if part.starts_with(".tmp") { ".tmp*".to_owned() } else { part.into_owned() }
        });
        parts.collect::<Vec<_>>().join("/")
    }

    /// Carries a fault out, as far as that is done before the call.
    pub(super) fn inject(&mut self, task: &Task, call: &Call, fault: Fault) -> io::Result<Verdict> {
        Ok(match fault {
            Fault::Error(errno) => Verdict::Fail(errno),
            Fault::Kill => Verdict::End,
            Fault::Short => shortened(task, call),
            Fault::Lost => match Deed::of(task, call) {
                Some(Deed::Write) => Verdict::Pretend(length(task, call)?.cast_signed()),
                _ => Verdict::Pretend(0),
            },
            Fault::Stale => {
                self.under_way.insert(task.number(), Before::Stale);
                Verdict::Go
            }
            Fault::FlushFails => {
                self.forget_unflushed(task, call)?;
                self.told = self.path_of(task, call)?.map(|path| (path, task.process().ok()));
                Verdict::Fail(Errno::EIO)
            }
        })
    }

    /// A failed flush is told once to each who has the file open: to an older process, too, when that flushes next. A newer one has
    /// opened it since.
    pub(super) fn tells(&mut self, task: &Task, call: &Call, deed: Deed) -> io::Result<bool> {
        let Some((path, process)) = &self.told else { return Ok(false) };
        if deed != Deed::Flush
            || self.path_of(task, call)?.as_ref() != Some(path)
            || process.is_none_or(|known| task.process().is_ok_and(|number| number >= known))
        {
            return Ok(false);
        }
        self.told = None;
        Ok(true)
    }

    /// Takes back what was written to a file and not flushed, as a kernel does that has told of the failure once.
    fn forget_unflushed(&mut self, task: &Task, call: &Call) -> io::Result<()> {
        let Subject::Descriptor(descriptor) = call::subject(call) else { return Ok(()) };
        let Some(node) = self.open_node(task, descriptor)? else { return Ok(()) };
        let flushed = content_flushed(&self.nodes, &self.events, node);
        let Some(bytes) = flushed else { return Ok(()) };
        let file = File::options().write(true).open(task.reopened(descriptor))?;
        file.set_len(u64::try_from(bytes.len()).map_err(io::Error::other)?)?;
        file.write_all_at(&bytes, 0)?;
        let data: Arc<[u8]> = bytes.into();
        let covers = self.events.len() + 1;
        self.events.push(Event::Write { node, offset: 0, data });
        self.events.push(Event::Flush { node: Some(node), covers });
        Ok(())
    }
}

/// How many bytes a call would read or write.
fn length(task: &Task, call: &Call) -> io::Result<u64> {
    Ok(call::buffers(task, call)?.iter().map(|(_, length)| *length).sum())
}

/// Half of what was asked for: whole blocks, where only those are to be had.
fn shortened(task: &Task, call: &Call) -> Verdict {
    let Subject::Descriptor(descriptor) = call::subject(call) else { return Verdict::Go };
    let is_direct = task.position(descriptor).is_ok_and(|(_, flags)| flags & call::DIRECT != 0);
    let half = call.arguments[2] / 2;
    let half = if is_direct { half - half % 4096 } else { half };
    match (half, call.number) {
        (0, _) | (_, nix::libc::SYS_writev | nix::libc::SYS_readv) => Verdict::Go,
        _ => Verdict::Change { argument: 2, value: half },
    }
}

/// Puts zeros in the place of what was read, as a disk does that gives back what it never wrote.
pub(super) fn stale(task: &Task, call: &Call, read: u64) -> io::Result<()> {
    let mut left = usize::try_from(read).map_err(io::Error::other)?;
    for (place, room) in call::buffers(task, call)? {
        let length = usize::try_from(room).map_err(io::Error::other)?.min(left);
        task.set_memory(place, &vec![0; length])?;
        left -= length;
    }
    Ok(())
}
