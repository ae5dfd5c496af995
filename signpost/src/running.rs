//! The set that runs: from `/` down to a partition, and from there to its set.

use std::io;
use std::path::{Path, PathBuf};

use cli::{Classify, Kind};
use gptprio::SetId;
use thiserror::Error;

use crate::sysfs::{DeviceNumber, Partition, Sysfs};
use crate::{Access, Disk, Error};

/// Where `/proc`, `/sys` and `/dev` are: on the running system, or in a directory that a test made.
#[derive(Clone, Debug)]
pub struct SystemRoot(PathBuf);

impl SystemRoot {
    /// The running system.
    #[must_use]
    pub fn host() -> Self {
        Self::at("/")
    }

    /// A system whose root directory is `path`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// An absolute path of that system as a path of ours.
    pub(crate) fn join(&self, path: &str) -> PathBuf {
        self.0.join(path.trim_start_matches('/'))
    }
}

/// Why it is not known which set runs.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunningError {
    /// A file of the system could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Nothing is mounted at the root.
    #[error("{} names no mount at /", path.display())]
    NoRootMount {
        /// The list of mounts.
        path: PathBuf,
    },
    /// The root filesystem is not on a device.
    #[error("the root filesystem ({kind}) is on no block device")]
    NoDevice {
        /// The type of the filesystem.
        kind: String,
    },
    /// The device of the root filesystem is no partition.
    #[error(
        "the device {0} under the root filesystem is neither a partition nor made of partitions"
    )]
    NotAPartition(String),
    /// The lower devices of the root filesystem are nested too deep.
    #[error("the devices under {0} are nested too deep")]
    TooDeep(String),
    /// The lower devices of the root filesystem belong to different sets or disks.
    #[error("the root filesystem lies on partitions of different sets: {0}")]
    Mixed(String),
    /// The kernel and the table disagree about a partition.
    #[error("the kernel has partition {partition} of {} in another place than the table", disk.display())]
    Moved {
        /// The disk.
        disk: PathBuf,
        /// The partition's number.
        partition: u32,
    },
    /// The partition of the root filesystem is in no set.
    #[error("partition {partition} of {}, which holds the root filesystem, is in no set", disk.display())]
    InNoSet {
        /// The disk.
        disk: PathBuf,
        /// The partition's number.
        partition: u32,
    },
    /// The disk of the root filesystem could not be read.
    #[error(transparent)]
    Disk(#[from] Error),
}

impl Classify for RunningError {
    fn kind(&self) -> Kind {
        match self {
            Self::Disk(error) => error.kind(),
            Self::Read { .. } => Kind::Failed,
            _ => Kind::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Disk(error) => error.hint(),
            _ => Some("name the disk with --disk and the set that runs with --active".to_owned()),
        }
    }
}

/// Finds the disk and the set that the system runs from.
///
/// From the device that is mounted at `/`, through device-mapper to its lower devices, to the partition and its disk, to
/// the set that holds the partition. All lower devices have to lead to the same set: dm-verity has two, a root and
/// its hash partition.
///
/// # Errors
///
/// Fails if any of the steps has no answer or more than one.
pub fn running_set(system: &SystemRoot) -> Result<(PathBuf, SetId), RunningError> {
    let sysfs = Sysfs(system);
    let device = root_device(system)?;
    let mut found = None;
    for partition in sysfs.partitions_under(device)? {
        let here = set_of(system, &partition)?;
        match &found {
            Some(before) if *before != here => return Err(RunningError::Mixed(device.to_string())),
            _ => found = Some(here),
        }
    }
    found.ok_or_else(|| RunningError::NotAPartition(device.to_string()))
}

/// The device that is mounted at `/`: the last such mount hides those before it.
fn root_device(system: &SystemRoot) -> Result<DeviceNumber, RunningError> {
    let path = system.join("proc/self/mountinfo");
    let text = read(&path)?;
    let Some((device, kind)) = text.lines().filter_map(root_mount).next_back() else {
        return Err(RunningError::NoRootMount { path });
    };
    match DeviceNumber::parse(device) {
        Some(number) if number.is_block_device() => Ok(number),
        _ => Err(RunningError::NoDevice { kind: kind.to_owned() }),
    }
}

/// The device number and the filesystem type of a line of `mountinfo` (see `proc_pid_mountinfo(5)`), if it is about `/`.
fn root_mount(line: &str) -> Option<(&str, &str)> {
    let (mount, filesystem) = line.split_once(" - ")?;
    let mut fields = mount.split(' ').skip(2);
    let device = fields.next()?;
    let mount_point = fields.nth(1)?;
    (mount_point == "/").then_some((device, filesystem.split(' ').next()?))
}

/// The disk and the set of a partition.
fn set_of(system: &SystemRoot, partition: &Partition) -> Result<(PathBuf, SetId), RunningError> {
    let path = system.join(&format!("dev/{}", partition.disk));
    let disk = Disk::open(&path, Access::Read)?;
    let (index, lost) = (partition.number, path.clone());
    let set = disk.layout().set_of(index);
    let set = set.ok_or(RunningError::InNoSet { disk: lost, partition: index })?;
    let start = disk.layout().set(set).and_then(|parts| {
        parts.parts().find(|(_, part)| part.index == index).map(|(_, part)| part.start)
    });
    if start != Some(partition.start) {
        return Err(RunningError::Moved { disk: path, partition: index });
    }
    Ok((path, set))
}

/// A small file of the system as text.
pub(crate) fn read(path: &Path) -> Result<String, RunningError> {
    let fault = |source| RunningError::Read { path: path.to_owned(), source };
    let bytes = std::fs::read(path).map_err(fault)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
