//! Block devices as the kernel shows them in `/sys`.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::running::{RunningError, SystemRoot, read};

/// How many layers of devices may lie above a partition.
const MAX_DEPTH: u32 = 8;

/// The kernel counts in these, whatever the blocks of a disk are.
const SECTOR: u64 = 512;

/// The number of a block device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DeviceNumber {
    major: u32,
    minor: u32,
}

impl DeviceNumber {
    /// Reads `major:minor`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once(':')?;
        Some(Self { major: major.parse().ok()?, minor: minor.parse().ok()? })
    }

    /// Filesystems without a device have numbers of major 0.
    pub(crate) fn is_block_device(self) -> bool {
        self.major != 0
    }
}

impl fmt::Display for DeviceNumber {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.major, self.minor)
    }
}

/// A partition as the kernel knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Partition {
    /// The name of its disk in `/dev`.
    pub(crate) disk: String,
    /// Its number in the table, from 1.
    pub(crate) number: u32,
    /// Its first byte on the disk.
    pub(crate) start: u64,
}

/// The device tree of a system.
pub(crate) struct Sysfs<'a>(pub(crate) &'a SystemRoot);

impl Sysfs<'_> {
    /// The partitions that a device is or is made of.
    pub(crate) fn partitions_under(
        &self,
        device: DeviceNumber,
    ) -> Result<Vec<Partition>, RunningError> {
        let link = self.0.join(&format!("sys/dev/block/{device}"));
        let mut found = Vec::new();
        collect(&canonical(&link)?, 0, &mut found)?;
        Ok(found)
    }
}

fn collect(device: &Path, depth: u32, found: &mut Vec<Partition>) -> Result<(), RunningError> {
    if depth > MAX_DEPTH {
        return Err(RunningError::TooDeep(name(device)));
    }
    if device.join("partition").exists() {
        found.push(partition(device)?);
        return Ok(());
    }
    let lower = lower_devices(device)?;
    if lower.is_empty() {
        return Err(RunningError::NotAPartition(name(device)));
    }
    lower.iter().try_for_each(|device| collect(device, depth + 1, found))
}

/// The devices that a device-mapper device lies on, by name.
fn lower_devices(device: &Path) -> Result<Vec<PathBuf>, RunningError> {
    let path = device.join("slaves");
    let fault = |source| RunningError::Read { path: path.clone(), source };
    let entries = match fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(fault(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry.map_err(fault)?.path());
    }
    names.sort();
    names.iter().map(|name| canonical(name)).collect()
}

fn partition(device: &Path) -> Result<Partition, RunningError> {
    let number = number(&device.join("partition"))?;
    let start = number_of_bytes(&device.join("start"))?;
    let disk = device.parent().ok_or_else(|| RunningError::NotAPartition(name(device)))?;
    Ok(Partition { disk: node_name(disk)?, number, start })
}

/// The name of a device's node in `/dev`, as the kernel would have it made.
fn node_name(device: &Path) -> Result<String, RunningError> {
    let text = read(&device.join("uevent"))?;
    let node = text.lines().find_map(|line| line.strip_prefix("DEVNAME="));
    Ok(node.ok_or_else(|| RunningError::NotAPartition(name(device)))?.to_owned())
}

fn number(path: &Path) -> Result<u32, RunningError> {
    parse(path)
}

fn number_of_bytes(path: &Path) -> Result<u64, RunningError> {
    let sectors: u64 = parse(path)?;
    sectors.checked_mul(SECTOR).ok_or_else(|| malformed(path))
}

fn parse<T: std::str::FromStr>(path: &Path) -> Result<T, RunningError> {
    read(path)?.trim().parse().map_err(|_| malformed(path))
}

fn malformed(path: &Path) -> RunningError {
    let source = io::Error::new(io::ErrorKind::InvalidData, "it holds no number that makes sense");
    RunningError::Read { path: path.to_owned(), source }
}

fn canonical(path: &Path) -> Result<PathBuf, RunningError> {
    fs::canonicalize(path).map_err(|source| RunningError::Read { path: path.to_owned(), source })
}

fn name(device: &Path) -> String {
    device.file_name().unwrap_or(device.as_os_str()).to_string_lossy().into_owned()
}
