//! Folders of the building machine as trees.
//!
//! Without root's rights, what belongs to the caller belongs to root in the image: a folder cannot hold other
//! owners then.

use std::collections::{BTreeMap, HashMap};
use std::ffi::CStr;
use std::fs::{self, Metadata as FsMetadata};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use rustix::fs::{lgetxattr, llistxattr, major, minor};
use rustix::process::{getegid, geteuid};

use super::{Content, Device, EntryError, Inode, InodeKind, Metadata, RootPath, RootfsError, Tree};
use crate::error::OnFile;

/// Reads a folder.
pub(super) fn read(folder: &Path) -> Result<Tree, RootfsError> {
    let root = folder.metadata().on("read", folder)?;
    let own =
        if geteuid().is_root() { None } else { Some((geteuid().as_raw(), getegid().as_raw())) };
    let mut walk = Walk {
        root: folder,
        device: root.dev(),
        own,
        tree: Tree::default(),
        linked: HashMap::new(),
    };
    walk.put(folder, &RootPath::root(), &root)?;
    walk.descend(folder, &RootPath::root())?;
    Ok(walk.tree)
}

struct Walk<'a> {
    root: &'a Path,
    device: u64,
    /// The caller and its group, if it has not root's rights.
    own: Option<(u32, u32)>,
    tree: Tree,
    /// The first path of each file that has several, by inode number.
    linked: HashMap<u64, RootPath>,
}

impl Walk<'_> {
    fn descend(&mut self, folder: &Path, path: &RootPath) -> Result<(), RootfsError> {
        for entry in fs::read_dir(folder).on("read", folder)? {
            let name = entry.on("read", folder)?.file_name();
            let (below, path) = (folder.join(&name), path.child(name.as_bytes()));
            let metadata = below.symlink_metadata().on("read", &below)?;
            self.put(&below, &path, &metadata)?;
            if metadata.is_dir() {
                self.descend(&below, &path)?;
            }
        }
        Ok(())
    }

    fn put(
        &mut self,
        file: &Path,
        path: &RootPath,
        metadata: &FsMetadata,
    ) -> Result<(), RootfsError> {
        let wrong = |source| entry_error(self.root, path, source);
        if metadata.dev() != self.device {
            return Err(wrong(EntryError::MountPoint));
        }
        if metadata.nlink() > 1 && !metadata.is_dir() {
            if let Some(first) = self.linked.get(&metadata.ino()) {
                return self.tree.link(path, first).map_err(|error| wrong(error.into()));
            }
            self.linked.insert(metadata.ino(), path.clone());
        }
        let Some(kind) = kind(file, metadata)? else {
            return Err(wrong(EntryError::Kind("a socket")));
        };
        let inode = Inode { metadata: self.metadata(file, metadata)?, kind };
        self.tree.insert(path, inode).map_err(|error| entry_error(self.root, path, error.into()))
    }

    fn metadata(&self, file: &Path, found: &FsMetadata) -> Result<Metadata, RootfsError> {
        let (own_uid, own_gid) = self.own.unwrap_or_default();
        Ok(Metadata {
            mode: found.mode() & 0o7777,
            uid: if found.uid() == own_uid { 0 } else { found.uid() },
            gid: if found.gid() == own_gid { 0 } else { found.gid() },
            xattrs: xattrs(file)
                .map_err(std::io::Error::from)
                .on("read the attributes of", file)?,
        })
    }
}

fn entry_error(root: &Path, path: &RootPath, source: EntryError) -> RootfsError {
    RootfsError::Entry { source_path: root.to_owned(), entry: path.to_string(), source }
}

/// The kind of a file; none for a socket, which no image can hold.
fn kind(file: &Path, metadata: &FsMetadata) -> Result<Option<InodeKind>, RootfsError> {
    let kind = metadata.file_type();
    let numbers = || Device { major: major(metadata.rdev()), minor: minor(metadata.rdev()) };
    Ok(Some(if kind.is_socket() {
        return Ok(None);
    } else if kind.is_dir() {
        InodeKind::Directory
    } else if kind.is_symlink() {
        let target = fs::read_link(file).on("read", file)?;
        InodeKind::Symlink(target.into_os_string().into_vec())
    } else if kind.is_char_device() {
        InodeKind::CharacterDevice(numbers())
    } else if kind.is_block_device() {
        InodeKind::BlockDevice(numbers())
    } else if kind.is_fifo() {
        InodeKind::Fifo
    } else {
        InodeKind::File(Content::Path { path: file.to_owned(), length: metadata.len() })
    }))
}

/// The extended attributes of a file; a filesystem that has none gives none.
fn xattrs(file: &Path) -> rustix::io::Result<BTreeMap<Vec<u8>, Vec<u8>>> {
    let mut names = vec![0; 1 << 16];
    let length = match llistxattr(file, &mut names) {
        Err(rustix::io::Errno::OPNOTSUPP) => 0,
        other => other?,
    };
    let mut found = BTreeMap::new();
    for name in names[..length].split_inclusive(|byte| *byte == 0) {
        let Ok(name) = CStr::from_bytes_with_nul(name) else { continue };
        let mut value = vec![0; 1 << 16];
        let length = lgetxattr(file, name, &mut value)?;
        value.truncate(length);
        found.insert(name.to_bytes().to_vec(), value);
    }
    Ok(found)
}
