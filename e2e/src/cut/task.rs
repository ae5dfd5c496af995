//! A thread of a program that is traced, and what can be known of it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::unistd::Pid;

/// A directory that stands for the current one (`AT_FDCWD`).
const HERE: i32 = -100;

/// Longest path in bytes.
const LONGEST_PATH: usize = 4096;

/// A thread that makes calls.
#[derive(Clone, Copy, Debug)]
pub struct Task(pub(super) Pid);

impl Task {
    /// Its number.
    #[must_use]
    pub fn number(&self) -> i32 {
        self.0.as_raw()
    }

    /// The number of its process.
    ///
    /// # Errors
    ///
    /// Fails when it has ended.
    pub fn process(&self) -> io::Result<i32> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.0))?;
        let number = text.lines().find_map(|line| line.strip_prefix("Tgid:"));
        let number = number.and_then(|number| number.trim().parse().ok());
        number.ok_or_else(|| io::Error::other("a thread without a process"))
    }

    /// What one of its descriptors is open on.
    #[must_use]
    pub fn file(&self, descriptor: u64) -> Option<PathBuf> {
        let number = narrow(descriptor);
        fs::read_link(format!("/proc/{}/fd/{number}", self.0)).ok()
    }

    /// Whether one of its descriptors is a connection over a network, and not one within the machine.
    #[must_use]
    pub fn is_connected(&self, descriptor: u64) -> bool {
        let name = self.file(descriptor).unwrap_or_default();
        let name = name.to_string_lossy();
        let number = name.strip_prefix("socket:[").and_then(|name| name.strip_suffix(']'));
        let Some(number) = number else { return false };
        // The tenth field of a line is the number of the socket.
        ["tcp", "tcp6"].iter().any(|kind| {
            let table = fs::read_to_string(format!("/proc/{}/net/{kind}", self.0));
            let lines = table.unwrap_or_default();
            lines.lines().any(|line| line.split_whitespace().nth(9) == Some(number))
        })
    }

    /// The name by which the file behind a descriptor can be opened again.
    #[must_use]
    pub fn reopened(&self, descriptor: u64) -> PathBuf {
        format!("/proc/{}/fd/{}", self.0, narrow(descriptor)).into()
    }

    /// Where a descriptor reads and writes next, and the flags that it was opened with.
    ///
    /// # Errors
    ///
    /// Fails when there is no such descriptor.
    pub fn position(&self, descriptor: u64) -> io::Result<(u64, u64)> {
        let path = format!("/proc/{}/fdinfo/{}", self.0, narrow(descriptor));
        let text = fs::read_to_string(path)?;
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
        let place = field("pos:").and_then(|text| text.trim().parse().ok());
        let flags = field("flags:").and_then(|text| u64::from_str_radix(text.trim(), 8).ok());
        place.zip(flags).ok_or_else(|| io::Error::other("a descriptor without a position"))
    }

    /// Bytes of its memory.
    ///
    /// # Errors
    ///
    /// Fails when the place is not mapped.
    pub fn memory(&self, place: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        File::open(format!("/proc/{}/mem", self.0))?.read_exact_at(&mut bytes, place)?;
        Ok(bytes)
    }

    /// Puts bytes into its memory.
    ///
    /// # Errors
    ///
    /// Fails when the place is not mapped.
    pub fn set_memory(&self, place: u64, bytes: &[u8]) -> io::Result<()> {
        let memory = File::options().write(true).open(format!("/proc/{}/mem", self.0))?;
        memory.write_all_at(bytes, place)
    }

    /// The path that lies at a place of its memory, below the directory that a descriptor stands for. The last name is not followed.
    ///
    /// # Errors
    ///
    /// Fails when the place is not mapped.
    pub fn path(&self, directory: u64, place: u64) -> io::Result<PathBuf> {
        let text = PathBuf::from(self.text(place)?);
        let base = match narrow(directory) {
            HERE => fs::read_link(format!("/proc/{}/cwd", self.0))?,
            _ => self.file(directory).unwrap_or_default(),
        };
        let text = match text.strip_prefix("/proc/self") {
            Ok(own) => Path::new(&format!("/proc/{}", self.0)).join(own),
            Err(_) => base.join(text),
        };
        Ok(real(&text))
    }

    /// The text that ends with a zero.
    fn text(&self, place: u64) -> io::Result<OsString> {
        let memory = File::open(format!("/proc/{}/mem", self.0))?;
        let mut bytes = vec![0; LONGEST_PATH];
        let mut length = 0;
        // Page by page: what comes behind the last one may not be mapped.
        while length < LONGEST_PATH {
            let at = place + u64::try_from(length).map_err(io::Error::other)?;
            let page = usize::try_from(4096 - at % 4096).map_err(io::Error::other)?;
            let end = (length + page).min(LONGEST_PATH);
            memory.read_exact_at(&mut bytes[length..end], at)?;
            if let Some(zero) = bytes[length..end].iter().position(|byte| *byte == 0) {
                bytes.truncate(length + zero);
                return Ok(OsString::from_vec(bytes));
            }
            length = end;
        }
        Err(io::Error::other("a path without an end"))
    }
}

/// The path with every link followed but the last name.
fn real(path: &Path) -> PathBuf {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return path.to_owned();
    };
    fs::canonicalize(parent).map_or_else(|_| path.to_owned(), |parent| parent.join(name))
}

/// The low half of a register, where descriptors are.
fn narrow(register: u64) -> i32 {
    let [a, b, c, d, ..] = register.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}
