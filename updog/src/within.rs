//! Files of a folder that somebody else has filled.
//!
//! Neither a name nor a link leads out of it; links may lead about within it (`openat2`, Linux 5.6). Only regular files are read: a
//! device or a pipe would never end.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;

/// Opens the file `name` of `folder` for reading.
pub(crate) fn open(folder: impl AsFd, name: &str) -> io::Result<File> {
    // Not to be held up by a pipe.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let file = match openat2(folder, name, flags, Mode::empty(), beneath) {
        Ok(file) => File::from(file),
        Err(Errno::XDEV) => return Err(io::Error::other("it leads out of the folder")),
        Err(error) => return Err(error.into()),
    };
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is no regular file")),
    }
}
