//! A witness that writes down what programs do to the files of one folder, and can let a call fail.
//!
//! What it cannot put down as an [`Event`] it refuses, so that nothing is missed in silence: shared mappings that are written to, for one.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::call::{self, Deed, Subject};
use super::event::{Event, Kind, Naming, Node};
use super::fault::{Fault, Plan, Site};
use super::injection::stale;
pub use super::recording::Recording;
use super::task::Task;
use super::trace::{Call, Program, Verdict, Witness, watch};

/// Runs programs that work on the files in `folder`, of which `disk` is the disk; one call may fail as `plan` says.
///
/// # Errors
///
/// Fails when a program cannot be watched, or does what cannot be put down.
pub fn record(
    folder: &Path,
    disk: &Path,
    programs: &[Program],
    plan: Option<Plan>,
) -> io::Result<Recording> {
    let mut recorder = Recorder::new(fs::canonicalize(folder)?, plan)?;
    let disk = fs::canonicalize(disk)?;
    recorder.disk = Some(recorder.node_at(&disk)?);
    let (endings, calls) = watch(programs, &mut recorder)?;
    let disk = recorder.disk.ok_or_else(|| io::Error::other("there is no disk"))?;
    let Recorder { nodes, top, events, sites, .. } = recorder;
    Ok(Recording { nodes, top, disk, events, endings, calls, sites })
}

pub(super) struct Recorder {
    pub(super) folder: PathBuf,
    pub(super) nodes: Vec<Kind>,
    /// What the numbers of the file system stand for at the moment.
    inodes: BTreeMap<u64, Node>,
    top: Node,
    disk: Option<Node>,
    pub(super) events: Vec<Event>,
    pub(super) sites: BTreeMap<Site, u32>,
    pub(super) plan: Option<Plan>,
    /// A file of which a flush failed, and the process that knows.
    pub(super) told: Option<(PathBuf, Option<i32>)>,
    /// What was found out before calls that are under way.
    pub(super) under_way: BTreeMap<i32, Before>,
}

/// What has to be known from before a call.
#[derive(Clone, Debug)]
pub(super) enum Before {
    Open {
        path: PathBuf,
        is_there: bool,
        length: u64,
        flags: u64,
    },
    Write {
        node: Node,
        offset: u64,
    },
    Resize {
        node: Node,
    },
    Reserve {
        node: Node,
    },
    Flush {
        node: Option<Node>,
        covers: usize,
    },
    Name {
        from: Option<PathBuf>,
        node: Option<Node>,
        to: PathBuf,
    },
    Remove {
        path: PathBuf,
    },
    /// A read whose bytes are replaced.
    Stale,
}

impl Recorder {
    fn new(folder: PathBuf, plan: Option<Plan>) -> io::Result<Self> {
        let (nodes, inodes, events, sites) = (vec![], BTreeMap::new(), vec![], BTreeMap::new());
        let (top, under_way) = (Node(0), BTreeMap::new());
        let (disk, told) = (None, None);
        let mut recorder =
            Self { folder, nodes, inodes, top, disk, events, sites, plan, told, under_way };
        recorder.top = recorder.take_in(&recorder.folder.clone())?;
        Ok(recorder)
    }

    /// Puts down what lies at a path before the run, with all that is in it.
    fn take_in(&mut self, path: &Path) -> io::Result<Node> {
        let metadata = fs::symlink_metadata(path)?;
        let kind = if metadata.is_dir() {
            let mut names = Vec::new();
            for entry in fs::read_dir(path)? {
                let entry = entry?;
                names.push((entry.file_name(), self.take_in(&entry.path())?));
            }
            names.sort();
            Kind::Folder(names)
        } else if metadata.is_symlink() {
            Kind::Link(fs::read_link(path)?.into())
        } else {
            Kind::File(fs::read(path)?.into())
        };
        Ok(self.add(metadata.ino(), kind))
    }

    fn add(&mut self, inode: u64, kind: Kind) -> Node {
        let node = Node(self.nodes.len());
        self.nodes.push(kind);
        self.inodes.insert(inode, node);
        node
    }

    fn is_watched(&self, path: &Path) -> bool {
        path.starts_with(&self.folder)
    }

    /// The node that a path stands for by now.
    fn node_at(&self, path: &Path) -> io::Result<Node> {
        self.known(path)?.ok_or_else(|| strange(path, "was made without being seen"))
    }

    fn known(&self, path: &Path) -> io::Result<Option<Node>> {
        Ok(self.inodes.get(&fs::symlink_metadata(path)?.ino()).copied())
    }

    /// The node behind a descriptor, if it is one of the folder.
    pub(super) fn open_node(&mut self, task: &Task, descriptor: u64) -> io::Result<Option<Node>> {
        if !task.file(descriptor).is_some_and(|path| self.is_watched(&path)) {
            return Ok(None);
        }
        let inode = fs::metadata(task.reopened(descriptor))?.ino();
        // A file that has no name yet is seen for the first time here.
        let unnamed = || Kind::File(Vec::new().into());
        Ok(Some(match self.inodes.get(&inode) {
            Some(node) => *node,
            None => self.add(inode, unnamed()),
        }))
    }

    /// The name of a path as its folder has it.
    fn naming(&self, path: &Path, to: Option<Node>) -> io::Result<Naming> {
        let parent = path.parent().ok_or_else(|| strange(path, "has no folder"))?;
        let name = path.file_name().unwrap_or_default().to_owned();
        Ok(Naming { folder: self.node_at(parent)?, name, to })
    }

    /// What a call is about, below the folder.
    pub(super) fn path_of(&self, task: &Task, call: &Call) -> io::Result<Option<PathBuf>> {
        let path = match call::subject(call) {
            Subject::Descriptor(descriptor) => task.file(descriptor),
            // No path at all is how a library asks whether the kernel knows a call.
            Subject::Path(directory, place) => task.path(directory, place).ok(),
            Subject::Nothing => None,
        };
        Ok(path.filter(|path| self.is_watched(path)))
    }

    fn before(&mut self, task: &Task, call: &Call, deed: Deed) -> io::Result<Option<Before>> {
        let path = self.path_of(task, call)?;
        let Subject::Descriptor(descriptor) = call::subject(call) else {
            return match path {
                Some(path) => self.before_path(task, call, deed, path),
                None => Ok(None),
            };
        };
        if deed == Deed::Memory {
            return self.refuse_shared(task, call, descriptor);
        }
        let changes = [Deed::Write, Deed::Copy, Deed::Resize, Deed::Reserve, Deed::Flush];
        if !changes.contains(&deed) && deed != Deed::FlushAll {
            return Ok(None);
        }
        let Some(node) = self.open_node(task, descriptor)? else { return Ok(None) };
        let covers = self.events.len();
        Ok(Some(match deed {
            Deed::Write => Before::Write { node, offset: offset(task, call, descriptor)? },
            Deed::Copy => {
                let (place, flags) = task.position(descriptor)?;
                if call.arguments[3] != 0 && call.number == nix::libc::SYS_copy_file_range
                    || flags & call::APPEND != 0
                {
                    return Err(strange(&self.folder, "is copied to in a way that is not known"));
                }
                Before::Write { node, offset: place }
            }
            Deed::Resize => Before::Resize { node },
            Deed::Reserve => Before::Reserve { node },
            Deed::FlushAll => Before::Flush { node: None, covers },
            _ => Before::Flush { node: Some(node), covers },
        }))
    }

    fn before_path(
        &mut self,
        task: &Task,
        call: &Call,
        deed: Deed,
        path: PathBuf,
    ) -> io::Result<Option<Before>> {
        Ok(match deed {
            Deed::Open => {
                let flags = call::open_flags(call)
                    .ok_or_else(|| strange(&path, "is opened in a way that is not known"))?;
                let metadata = fs::symlink_metadata(&path);
                let length = metadata.as_ref().map_or(0, MetadataExt::size);
                Some(Before::Open { path, is_there: metadata.is_ok(), length, flags })
            }
            Deed::Rename | Deed::Link => {
                let from = call::origin(call).map(|(folder, place)| task.path(folder, place));
                let from = from.transpose()?;
                let node = match &from {
                    Some(from) => self.known(from).ok().flatten(),
                    None => None,
                };
                let from = from.filter(|_| deed == Deed::Rename);
                Some(Before::Name { from, node, to: path })
            }
            Deed::Symlink | Deed::MakeFolder => {
                Some(Before::Name { from: None, node: None, to: path })
            }
            Deed::Remove => Some(Before::Remove { path }),
            Deed::Resize => Some(Before::Resize { node: self.node_at(&path)? }),
            _ => None,
        })
    }

    /// What is written through shared memory is not seen.
    fn refuse_shared(
        &self,
        task: &Task,
        call: &Call,
        descriptor: u64,
    ) -> io::Result<Option<Before>> {
        let [.., protection, flags, _, _] = call.arguments;
        let is_written = protection & 2 != 0 && flags & 1 != 0;
        match task.file(descriptor) {
            Some(path) if is_written && self.is_watched(&path) => {
                Err(strange(&path, "is mapped to be written"))
            }
            _ => Ok(None),
        }
    }

    fn after(&mut self, task: &Task, call: &Call, before: Before, result: u64) -> io::Result<()> {
        match before {
            Before::Open { path, is_there, length, flags } => {
                self.opened(task, (&path, is_there, length, flags), result)
            }
            Before::Write { node, offset } => {
                let data = written(task, call, offset, result)?.into();
                self.events.push(Event::Write { node, offset, data });
                Ok(())
            }
            Before::Resize { node } => {
                self.events.push(Event::Resize { node, length: call.arguments[1] });
                Ok(())
            }
            Before::Reserve { node } => self.reserved(task, call, node),
            Before::Flush { node, covers } => {
                self.events.push(Event::Flush { node, covers });
                Ok(())
            }
            Before::Name { from, node, to } => self.named(from, node, &to),
            Before::Remove { path } => {
                let naming = self.naming(&path, None)?;
                self.events.push(Event::Names(vec![naming]));
                Ok(())
            }
            Before::Stale => stale(task, call, result),
        }
    }

    fn opened(
        &mut self,
        task: &Task,
        (path, is_there, length, flags): (&Path, bool, u64, u64),
        descriptor: u64,
    ) -> io::Result<()> {
        if !is_there && flags & call::CREATE != 0 {
            let inode = fs::metadata(task.reopened(descriptor))?.ino();
            let node = self.add(inode, Kind::File(Vec::new().into()));
            let naming = self.naming(path, Some(node))?;
            self.events.push(Event::Names(vec![naming]));
        } else if flags & call::TRUNCATE != 0
            && length > 0
            && let Some(node) = self.open_node(task, descriptor)?
        {
            self.events.push(Event::Resize { node, length: 0 });
        }
        Ok(())
    }

    /// Room is taken, or what lies in a range becomes zeros.
    fn reserved(&mut self, task: &Task, call: &Call, node: Node) -> io::Result<()> {
        let [descriptor, mode, offset, length, ..] = call.arguments;
        let end = offset.saturating_add(length);
        let event = match mode {
            0 => Event::Resize { node, length: end },
            call::PUNCH_HOLE | call::ZERO_RANGE => {
                let size = fs::metadata(task.reopened(descriptor))?.len();
                let zeros = usize::try_from(end.min(size).saturating_sub(offset));
                let data = vec![0; zeros.map_err(io::Error::other)?].into();
                Event::Write { node, offset, data }
            }
            _ => return Err(strange(&self.folder, "has room freed in a way that is not known")),
        };
        self.events.push(event);
        Ok(())
    }

    fn named(&mut self, from: Option<PathBuf>, node: Option<Node>, to: &Path) -> io::Result<()> {
        let node = match node {
            Some(node) => node,
            None => self.take_in(to)?,
        };
        let mut names = vec![self.naming(to, Some(node))?];
        if let Some(from) = from.filter(|from| self.is_watched(from)) {
            names.push(self.naming(&from, None)?);
        }
        self.events.push(Event::Names(names));
        Ok(())
    }
}

impl Witness for Recorder {
    fn enter(&mut self, task: &Task, call: &Call) -> io::Result<Verdict> {
        let Some(deed) = Deed::of(task, call) else { return Ok(Verdict::Go) };
        if let Some(fault) = self.fault(task, call, deed)? {
            let verdict = self.inject(task, call, fault)?;
            if !matches!(verdict, Verdict::Go | Verdict::Change { .. }) || fault == Fault::Stale {
                return Ok(verdict);
            }
            self.note(task, call, deed)?;
            return Ok(verdict);
        }
        if self.tells(task, call, deed)? {
            return Ok(Verdict::Fail(Errno::EIO));
        }
        self.note(task, call, deed)?;
        Ok(Verdict::Go)
    }

    fn leave(&mut self, task: &Task, call: &Call, result: i64) -> io::Result<()> {
        let before = self.under_way.remove(&task.number());
        match (before, u64::try_from(result)) {
            (Some(before), Ok(result)) => self.after(task, call, before, result),
            _ => Ok(()),
        }
    }
}

impl Recorder {
    fn note(&mut self, task: &Task, call: &Call, deed: Deed) -> io::Result<()> {
        if let Some(before) = self.before(task, call, deed)? {
            self.under_way.insert(task.number(), before);
        }
        Ok(())
    }
}

/// Where a write goes.
fn offset(task: &Task, call: &Call, descriptor: u64) -> io::Result<u64> {
    if let Some(place) = call::place(call) {
        return Ok(place);
    }
    let (place, flags) = task.position(descriptor)?;
    match flags & call::APPEND {
        0 => Ok(place),
        _ => Ok(fs::metadata(task.reopened(descriptor))?.len()),
    }
}

/// The bytes that a call wrote.
fn written(task: &Task, call: &Call, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    let length = usize::try_from(length).map_err(io::Error::other)?;
    if Deed::of(task, call) == Some(Deed::Copy) {
        let Subject::Descriptor(descriptor) = call::subject(call) else { return Ok(vec![]) };
        let mut bytes = vec![0; length];
        File::open(task.reopened(descriptor))?.read_exact_at(&mut bytes, offset)?;
        return Ok(bytes);
    }
    let mut bytes = Vec::with_capacity(length);
    for (place, room) in call::buffers(task, call)? {
        let room = usize::try_from(room).map_err(io::Error::other)?;
        bytes.extend(task.memory(place, room.min(length - bytes.len()))?);
    }
    Ok(bytes)
}

fn strange(path: &Path, what: &str) -> io::Error {
    io::Error::other(format!("{} {what}", path.display()))
}
