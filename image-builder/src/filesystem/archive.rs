//! A tree as a clean tar archive: sorted, with folders before what is in them, and nothing that leads out.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;

use tar::{Builder, EntryType, Header};

use crate::rootfs::{Inode, InodeKind, RootPath, Tree};

/// Writes the archive of a tree.
pub(super) fn write(
    tree: &Tree,
    timestamp: u32,
    out: &mut impl Write,
    progress: &dyn Fn(u64),
) -> io::Result<()> {
    let mut archive = Builder::new(out);
    let mut first: HashMap<usize, &RootPath> = HashMap::new();
    for (path, number, inode) in tree.entries() {
        match first.get(&number) {
            Some(earlier) => link(&mut archive, path, earlier)?,
            None => {
                entry(&mut archive, path, inode, timestamp, progress)?;
                first.insert(number, path);
            }
        }
    }
    archive.finish()
}

/// A further name of what an earlier entry stands for.
fn link(
    archive: &mut Builder<&mut impl Write>,
    path: &RootPath,
    earlier: &RootPath,
) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Link);
    header.set_size(0);
    archive.append_link(&mut header, path.as_path(), earlier.as_path())
}

fn entry(
    archive: &mut Builder<&mut impl Write>,
    path: &RootPath,
    inode: &Inode,
    timestamp: u32,
    progress: &dyn Fn(u64),
) -> io::Result<()> {
    let metadata = &inode.metadata;
    if !metadata.xattrs.is_empty() {
        let named: Vec<(String, &[u8])> =
            metadata.xattrs.iter().map(extension).collect::<io::Result<_>>()?;
        archive.append_pax_extensions(named.iter().map(|(name, value)| (name.as_str(), *value)))?;
    }
    let mut header = Header::new_gnu();
    header.set_mode(metadata.mode);
    header.set_uid(metadata.uid.into());
    header.set_gid(metadata.gid.into());
    header.set_mtime(timestamp.into());
    header.set_size(0);
    let name = if path.parent().is_none() { OsStr::new(".").as_ref() } else { path.as_path() };
    match &inode.kind {
        InodeKind::File(content) => {
            header.set_entry_type(EntryType::Regular);
            header.set_size(content.length());
            let mut reader = content.open().map_err(io::Error::other)?;
            let counted = Counted { inner: &mut reader, progress };
            return archive.append_data(&mut header, name, counted);
        }
        InodeKind::Symlink(target) => {
            header.set_entry_type(EntryType::Symlink);
            return archive.append_link(&mut header, name, OsStr::from_bytes(target));
        }
        InodeKind::Directory => header.set_entry_type(EntryType::Directory),
        InodeKind::Fifo => header.set_entry_type(EntryType::Fifo),
        InodeKind::CharacterDevice(device) | InodeKind::BlockDevice(device) => {
            let block = matches!(inode.kind, InodeKind::BlockDevice(_));
            header.set_entry_type(if block { EntryType::Block } else { EntryType::Char });
            header.set_device_major(device.major)?;
            header.set_device_minor(device.minor)?;
        }
    }
    archive.append_data(&mut header, name, io::empty())
}

/// An extended attribute as a pax record.
fn extension<'a>((name, value): (&Vec<u8>, &'a Vec<u8>)) -> io::Result<(String, &'a [u8])> {
    let name = std::str::from_utf8(name).map_err(io::Error::other)?;
    Ok((format!("SCHILY.xattr.{name}"), value.as_slice()))
}

/// Tells how much was read.
struct Counted<'a, R> {
    inner: R,
    progress: &'a dyn Fn(u64),
}

impl<R: io::Read> io::Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        (self.progress)(u64::try_from(count).unwrap_or(u64::MAX));
        Ok(count)
    }
}
