//! Tar archives as trees.
//!
//! Formats: ustar, GNU (long names, sparse files) and pax (long names, large numbers, extended attributes as
//! `SCHILY.xattr`). Sparse files in pax format are refused, since their content would be read wrongly.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tar::{Archive, Entry, EntryType};

use super::{
    Backing, Content, Device, EntryError, Inode, InodeKind, Metadata, RootPath, RootfsError, Tree,
    unpacked,
};
use crate::error::OnFile;

/// Reads a tar archive, plain or compressed.
pub(super) fn read(path: &Path, work: &Path) -> Result<Tree, RootfsError> {
    let mut tree = Tree::default();
    let taken = entries(path, work, |entry| entry.put_into(&mut tree))?;
    if taken == 0 {
        return Err(RootfsError::Unknown(path.to_owned()));
    }
    Ok(tree)
}

/// One entry of an archive.
pub(super) struct TarEntry {
    pub(super) path: RootPath,
    pub(super) kind: TarKind,
}

pub(super) enum TarKind {
    Inode(Inode),
    Link(RootPath),
}

impl TarEntry {
    /// Puts it to its place in a tree.
    pub(super) fn put_into(self, tree: &mut Tree) -> Result<(), EntryError> {
        match self.kind {
            TarKind::Inode(inode) => tree.insert(&self.path, inode)?,
            TarKind::Link(target) => tree.link(&self.path, &target)?,
        }
        Ok(())
    }
}

/// Calls `take` with every entry of an archive, in order, and says how many there were.
pub(super) fn entries(
    path: &Path,
    work: &Path,
    mut take: impl FnMut(TarEntry) -> Result<(), EntryError>,
) -> Result<usize, RootfsError> {
    let file = unpacked::open(path, work)?;
    let length = file.metadata().on("read", path)?.len();
    let reader = file.try_clone().on("read", path)?;
    let source =
        Source { backing: Arc::new(Backing::new(file, path)), length, work: work.to_owned() };
    let mut archive = Archive::new(reader);
    let mut taken = 0;
    let wrong = |entry: &str, source| RootfsError::Entry {
        source_path: path.to_owned(),
        entry: entry.to_owned(),
        source,
    };
    let mut last = None;
    for entry in archive.entries_with_seek().on("read", path)? {
        let mut entry = entry.map_err(|error| match &last {
            None => RootfsError::Unknown(path.to_owned()),
            Some(last) => wrong(&format!("what follows {last}"), EntryError::Archive(error)),
        })?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if let Some(read) = source.read(&mut entry).map_err(|error| wrong(&name, error))? {
            take(read).map_err(|error| wrong(&name, error))?;
        }
        last = Some(name);
        taken += 1;
    }
    Ok(taken)
}

/// The archive that entries come from.
struct Source {
    backing: Arc<Backing>,
    length: u64,
    work: PathBuf,
}

impl Source {
    fn read(&self, entry: &mut Entry<'_, File>) -> Result<Option<TarEntry>, EntryError> {
        if entry.header().entry_type() == EntryType::XGlobalHeader {
            return Ok(None);
        }
        let path = RootPath::parse(&entry.path_bytes())?;
        let xattrs = xattrs(entry)?;
        let kind = match entry.header().entry_type() {
            EntryType::Link => {
                let target = entry.link_name_bytes().unwrap_or_default();
                TarKind::Link(RootPath::parse(&target)?)
            }
            other => {
                let metadata = metadata(entry, xattrs).map_err(EntryError::Archive)?;
                TarKind::Inode(Inode { metadata, kind: self.kind(entry, other)? })
            }
        };
        Ok(Some(TarEntry { path, kind }))
    }

    fn kind(&self, entry: &mut Entry<'_, File>, kind: EntryType) -> Result<InodeKind, EntryError> {
        Ok(match kind {
            EntryType::Regular | EntryType::Continuous => InodeKind::File(self.part(entry)?),
            EntryType::GNUSparse => InodeKind::File(self.expanded(entry)?),
            EntryType::Directory => InodeKind::Directory,
            EntryType::Symlink => {
                InodeKind::Symlink(entry.link_name_bytes().unwrap_or_default().into_owned())
            }
            EntryType::Char => InodeKind::CharacterDevice(device(entry)?),
            EntryType::Block => InodeKind::BlockDevice(device(entry)?),
            EntryType::Fifo => InodeKind::Fifo,
            _ => return Err(EntryError::Kind("an entry of an unknown type")),
        })
    }

    /// The content, where it lies in the archive.
    fn part(&self, entry: &Entry<'_, File>) -> Result<Content, EntryError> {
        let (offset, length) = (entry.raw_file_position(), entry.size());
        match offset.checked_add(length) {
            Some(end) if end <= self.length => {
                Ok(Content::Part { backing: self.backing.clone(), offset, length })
            }
            _ => Err(EntryError::Truncated),
        }
    }

    /// The content of a sparse file, with its holes filled, in a file of its own.
    fn expanded(&self, entry: &mut Entry<'_, File>) -> Result<Content, EntryError> {
        let mut file = tempfile::tempfile_in(&self.work).map_err(EntryError::Archive)?;
        let length = io::copy(entry, &mut file).map_err(EntryError::Archive)?;
        file.rewind().map_err(EntryError::Archive)?;
        let backing = Arc::new(Backing::new(file, &self.work));
        Ok(Content::Part { backing, offset: 0, length })
    }
}

fn metadata(entry: &Entry<'_, File>, xattrs: Xattrs) -> io::Result<Metadata> {
    let header = entry.header();
    let id = |number: u64| {
        u32::try_from(number).map_err(|_| io::Error::other("an owner beyond 32 bits"))
    };
    Ok(Metadata {
        mode: header.mode()? & 0o7777,
        uid: id(header.uid()?)?,
        gid: id(header.gid()?)?,
        xattrs,
    })
}

fn device(entry: &Entry<'_, File>) -> Result<Device, EntryError> {
    let header = entry.header();
    let number = |found: io::Result<Option<u32>>| found.map_err(EntryError::Archive);
    let major = number(header.device_major())?.unwrap_or_default();
    let minor = number(header.device_minor())?.unwrap_or_default();
    Ok(Device { major, minor })
}

type Xattrs = BTreeMap<Vec<u8>, Vec<u8>>;

/// The extended attributes of an entry; sparse files in pax format are found out here as well.
fn xattrs(entry: &mut Entry<'_, File>) -> Result<Xattrs, EntryError> {
    let mut found = BTreeMap::new();
    let Some(extensions) = entry.pax_extensions().map_err(EntryError::Archive)? else {
        return Ok(found);
    };
    for extension in extensions {
        let extension = extension.map_err(EntryError::Archive)?;
        if extension.key_bytes().starts_with(b"GNU.sparse.") {
            return Err(EntryError::Kind("a sparse file in pax format"));
        }
        if let Some(name) = extension.key_bytes().strip_prefix(b"SCHILY.xattr.") {
            found.insert(name.to_vec(), extension.value_bytes().to_vec());
        }
    }
    Ok(found)
}
