//! Block devices as the kernel shows them.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::kernel_table::SECTOR;

/// Where `/sys` and `/dev` are: on this machine, or in a folder that a test made.
#[derive(Clone, Debug)]
pub struct SystemRoot(PathBuf);

/// The number of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceNumber {
    /// Its driver.
    pub major: u32,
    /// Which of the driver's devices.
    pub minor: u32,
}

/// A whole disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// Its name in `/sys`.
    pub name: String,
    /// Its node.
    pub node: PathBuf,
    /// Bytes a block.
    pub block_size: u32,
    /// Its length in bytes.
    pub length: u64,
    /// The partitions that the kernel knows.
    pub partitions: Vec<Partition>,
}

/// A partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Its name in `/sys`.
    pub name: String,
    /// Its node.
    pub node: PathBuf,
    /// Its number as a device.
    pub device: DeviceNumber,
    /// Its number in the table, from 1.
    pub index: u32,
    /// Its first byte on the disk.
    pub start: u64,
    /// Its length in bytes.
    pub length: u64,
}

impl SystemRoot {
    /// This machine.
    #[must_use]
    pub fn machine() -> Self {
        Self::at("/")
    }

    /// A system whose root folder is `path`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The disks that have something on them, by name. One that goes away while it is looked at is none.
    ///
    /// # Errors
    ///
    /// Fails when the kernel does not tell its block devices.
    pub fn disks(&self) -> io::Result<Vec<Disk>> {
        let folder = self.0.join("sys/class/block");
        let mut disks: Vec<Disk> =
            names(&folder)?.into_iter().filter_map(|name| self.disk(&folder, name)).collect();
        disks.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(disks)
    }

    fn disk(&self, folder: &Path, name: String) -> Option<Disk> {
        let device = folder.join(&name);
        let length = bytes(&device.join("size")).filter(|length| *length > 0)?;
        if device.join("partition").exists() {
            return None;
        }
        let parts = names(&device).ok()?.into_iter();
        Some(Disk {
            node: self.node(&name),
            block_size: number(&device.join("queue/logical_block_size"))?,
            length,
            partitions: parts.filter_map(|part| self.partition(&device, part)).collect(),
            name,
        })
    }

    fn partition(&self, disk: &Path, name: String) -> Option<Partition> {
        let device = disk.join(&name);
        Some(Partition {
            index: number(&device.join("partition"))?,
            node: self.node(&name),
            device: number(&device.join("dev"))?,
            start: bytes(&device.join("start"))?,
            length: bytes(&device.join("size"))?,
            name,
        })
    }

    /// The node of a device; where its name has a slash, `/sys` has an exclamation mark.
    fn node(&self, name: &str) -> PathBuf {
        self.0.join("dev").join(name.replace('!', "/"))
    }
}

impl fmt::Display for DeviceNumber {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.major, self.minor)
    }
}

impl FromStr for DeviceNumber {
    type Err = NotDeviceNumber;

    fn from_str(text: &str) -> Result<Self, NotDeviceNumber> {
        let (major, minor) = text.split_once(':').ok_or(NotDeviceNumber)?;
        let parse = |text: &str| text.parse().map_err(|_| NotDeviceNumber);
        Ok(Self { major: parse(major)?, minor: parse(minor)? })
    }
}

/// A text that is no `major:minor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotDeviceNumber;

/// What is in a folder.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let names = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.file_name()));
    names.filter_map(|name| name.map(|name| name.into_string().ok()).transpose()).collect()
}

/// A length that the kernel gives in sectors.
fn bytes(path: &Path) -> Option<u64> {
    number::<u64>(path)?.checked_mul(SECTOR)
}

/// What a file of one word says, if it is there and says something that makes sense.
fn number<T: FromStr>(path: &Path) -> Option<T> {
    fs::read_to_string(path).ok()?.trim_ascii().parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn write(root: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = root.join("sys/class/block").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("{text}\n")).unwrap();
        }
    }

    #[test]
    fn disks_and_their_partitions_are_told_apart() {
        let root = tempfile::tempdir().unwrap();
        let part = [("size", "34"), ("start", "2048"), ("partition", "3"), ("dev", "259:1")];
        let parts: Vec<(String, &str)> = ["nvme0n1/nvme0n1p3", "nvme0n1p3"]
            .iter()
            .flat_map(|folder| part.map(|(name, text)| (format!("{folder}/{name}"), text)))
            .collect();
        let parts: Vec<(&str, &str)> = parts.iter().map(|(name, text)| (&**name, *text)).collect();
        write(root.path(), &parts);
        let disk = [("nvme0n1/size", "4096"), ("nvme0n1/queue/logical_block_size", "4096")];
        write(root.path(), &disk);
        let [disk]: [Disk; 1] =
            SystemRoot::at(root.path()).disks().unwrap().try_into().expect("one disk");
        assert_eq!(
            (disk.name.as_str(), disk.block_size, disk.length),
            ("nvme0n1", 4096, 4096 * 512)
        );
        let [part]: [Partition; 1] = disk.partitions.try_into().expect("one partition");
        assert_eq!((part.index, part.start, part.length), (3, 2048 * 512, 34 * 512));
        assert_eq!(part.device, DeviceNumber { major: 259, minor: 1 });
        assert_eq!(part.node, root.path().join("dev/nvme0n1p3"));
    }

    #[test]
    fn drives_without_a_medium_are_no_disks() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), &[("sr0/size", "0"), ("sr0/queue/logical_block_size", "512")]);
        assert_eq!(SystemRoot::at(root.path()).disks().unwrap(), []);
    }

    #[test]
    fn nodes_may_be_in_folders() {
        let root = tempfile::tempdir().unwrap();
        let size = ("cciss!c0d0/queue/logical_block_size", "512");
        write(root.path(), &[("cciss!c0d0/size", "9"), size]);
        let disks = SystemRoot::at(root.path()).disks().unwrap();
        assert_eq!(disks.first().unwrap().node, root.path().join("dev/cciss/c0d0"));
    }

    #[test]
    fn a_system_that_tells_no_devices_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        assert!(SystemRoot::at(root.path()).disks().is_err());
    }
}
