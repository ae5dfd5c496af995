//! Opening a disk without ever making one.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use gptdisk::BlockSize;
use rustix::fs::OFlags;

use crate::{Error, lock};

/// What a disk is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To read; others may read and write at the same time.
    Read,
    /// To read and write; nobody else may write at the same time.
    Write,
}

/// An open block device or plain file.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) path: PathBuf,
    pub(crate) file: File,
    pub(crate) access: Access,
    /// Its length in bytes.
    pub(crate) length: u64,
    /// The size of its blocks, if it is a device; a file does not say.
    pub(crate) block_size: Option<BlockSize>,
}

impl Node {
    /// Opens what is there; takes the lock before anything is read if it is to be written.
    pub(crate) fn open(path: &Path, access: Access) -> Result<Self, Error> {
        let fault = |source| Error::Open { path: path.to_owned(), source };
        // A look before opening: opening alone has effects on some character devices and waits on a pipe.
        require_disk(path, &fs::metadata(path).map_err(fault)?)?;
        let file = OpenOptions::new()
            .read(true)
            .write(access == Access::Write)
            .custom_flags(nonblocking())
            .open(path)
            .map_err(fault)?;
        let metadata = file.metadata().map_err(fault)?;
        require_disk(path, &metadata)?;
        rustix::fs::fcntl_setfl(&file, OFlags::empty()).map_err(|errno| fault(errno.into()))?;
        if access == Access::Write {
            lock::exclusive(path, &file, lock::PATIENCE)?;
        }
        let block_size = block_size(path, &file, &metadata)?;
        let length = (&file).seek(SeekFrom::End(0)).map_err(fault)?;
        Ok(Self { path: path.to_owned(), file, access, length, block_size })
    }
}

/// Keeps an open of something that became a pipe in the meantime from waiting for ever.
fn nonblocking() -> i32 {
    i32::try_from(OFlags::NONBLOCK.bits()).expect("open flags are small numbers")
}

fn require_disk(path: &Path, metadata: &Metadata) -> Result<(), Error> {
    let kind = metadata.file_type();
    let what = if kind.is_block_device() || kind.is_file() {
        return Ok(());
    } else if kind.is_dir() {
        "a directory"
    } else if kind.is_char_device() {
        "a character device"
    } else {
        "a pipe or a socket"
    };
    Err(Error::NotADisk { path: path.to_owned(), what })
}

/// The size of a device's blocks; `None` for a file.
fn block_size(path: &Path, file: &File, metadata: &Metadata) -> Result<Option<BlockSize>, Error> {
    if !metadata.file_type().is_block_device() {
        return Ok(None);
    }
    let bytes = rustix::fs::ioctl_blksszget(file)
        .map_err(|errno| Error::Open { path: path.to_owned(), source: io::Error::from(errno) })?;
    match BlockSize::new(bytes) {
        Some(size) => Ok(Some(size)),
        None => Err(Error::BlockSize { path: path.to_owned(), bytes }),
    }
}
