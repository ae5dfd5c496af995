//! Finding the running set, on systems made of files.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use cli::{Classify, Kind};
use common::Image;
use signpost::{RunningError, SetId, SystemRoot, Target, TargetError, running_set};

/// A system with one disk, `vda`, whose image has sets of partitions 3, 4, 5 and 8, 9, 10.
struct System {
    image: Image,
    root: PathBuf,
}

impl System {
    fn new() -> Self {
        let image = Image::large_blocks();
        let root = image.dir.path().join("root");
        let system = Self { image, root };
        fs::create_dir_all(system.root.join("dev")).unwrap();
        fs::rename(&system.image.path, system.disk()).unwrap();
        let disk = system.device("devices/pci/vda", "252:0");
        fs::write(disk.join("uevent"), "MAJOR=252\nMINOR=0\nDEVNAME=vda\n").unwrap();
        let opened = signpost::Disk::open(&system.disk(), signpost::Access::Read).unwrap();
        for (index, entry) in opened.medium().table().partitions() {
            let device =
                system.device(&format!("devices/pci/vda/vda{index}"), &format!("252:{index}"));
            fs::write(device.join("partition"), format!("{index}\n")).unwrap();
            fs::write(device.join("start"), format!("{}\n", entry.first * 8)).unwrap();
        }
        system
    }

    fn disk(&self) -> PathBuf {
        self.root.join("dev/vda")
    }

    fn sys(&self, path: &str) -> PathBuf {
        self.root.join("sys").join(path)
    }

    /// Makes a device with this number.
    fn device(&self, path: &str, number: &str) -> PathBuf {
        let device = self.sys(path);
        fs::create_dir_all(&device).unwrap();
        let numbers = self.sys("dev/block");
        fs::create_dir_all(&numbers).unwrap();
        symlink(Path::new("../..").join(path), numbers.join(number)).unwrap();
        device
    }

    /// Makes a device-mapper device of others, given by their paths from `sys`.
    fn mapped(&self, name: &str, number: &str, lower: &[&str]) {
        let device = self.device(&format!("devices/virtual/block/{name}"), number);
        let slaves = device.join("slaves");
        fs::create_dir_all(&slaves).unwrap();
        for path in lower {
            let name = Path::new(path).file_name().unwrap();
            symlink(Path::new("../../../../..").join(path), slaves.join(name)).unwrap();
        }
    }

    /// Says what is mounted.
    fn mounts(&self, lines: &[&str]) -> &Self {
        let path = self.root.join("proc/self");
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("mountinfo"), lines.join("\n") + "\n").unwrap();
        self
    }

    /// Says that `/` is on this device.
    fn root_on(&self, number: &str) -> &Self {
        self.mounts(&[
            "21 1 0:19 / /proc rw - proc proc rw",
            &format!("1 0 {number} / / ro,relatime shared:1 - erofs /dev/dm-0 ro"),
            "30 1 252:13 / /data rw shared:2 - ext4 /dev/vda13 rw",
        ])
    }

    fn running(&self) -> Result<(PathBuf, SetId), RunningError> {
        running_set(&SystemRoot::at(&self.root))
    }

    fn find(&self, disk: Option<&Path>, active: Option<SetId>) -> Result<Target, TargetError> {
        Target::find(&SystemRoot::at(&self.root), disk, active)
    }
}

#[test]
fn a_root_on_dm_verity_is_followed_to_its_set() {
    let system = System::new();
    system.mapped("dm-0", "254:0", &["devices/pci/vda/vda9", "devices/pci/vda/vda10"]);
    system.root_on("254:0");
    assert_eq!(system.running().unwrap(), (system.disk(), SetId::B));
}

#[test]
fn a_root_on_a_partition_is_in_its_set() {
    let system = System::new();
    assert_eq!(system.root_on("252:4").running().unwrap().1, SetId::A);
    assert_eq!(system.root_on("252:9").running().unwrap().1, SetId::B);
}

#[test]
fn layers_of_devices_are_followed() {
    let system = System::new();
    system.mapped("dm-0", "254:0", &["devices/pci/vda/vda4", "devices/pci/vda/vda5"]);
    system.mapped("dm-1", "254:1", &["devices/virtual/block/dm-0"]);
    assert_eq!(system.root_on("254:1").running().unwrap().1, SetId::A);
}

#[test]
fn the_last_mount_at_the_root_counts() {
    let system = System::new();
    system.mounts(&[
        "1 1 0:2 / / rw - rootfs rootfs rw",
        "22 1 252:4 / / ro - erofs /dev/vda4 ro",
        "23 22 252:9 / /mnt ro - erofs /dev/vda9 ro",
    ]);
    assert_eq!(system.running().unwrap().1, SetId::A);
}

#[test]
fn a_root_on_no_device_is_told_by_its_filesystem() {
    let system = System::new();
    system.mounts(&["22 1 0:40 / / rw - overlay overlay rw"]);
    let error = system.running().unwrap_err();
    assert_eq!(error.to_string(), "the root filesystem (overlay) is on no block device");
    assert_eq!(error.kind(), Kind::Refused);
    assert!(error.hint().unwrap().contains("--active"));
    system.mounts(&["22 1 252:4 / /mnt rw - erofs x rw", "garbage", "1 2 3", ""]);
    assert!(matches!(system.running().unwrap_err(), RunningError::NoRootMount { .. }));
}

#[test]
fn lower_devices_of_different_sets_are_refused() {
    let system = System::new();
    system.mapped("dm-0", "254:0", &["devices/pci/vda/vda4", "devices/pci/vda/vda10"]);
    assert!(matches!(system.root_on("254:0").running().unwrap_err(), RunningError::Mixed(_)));
}

#[test]
fn a_root_on_a_partition_of_no_set_is_refused() {
    let system = System::new();
    let error = system.root_on("252:13").running().unwrap_err();
    assert!(matches!(error, RunningError::InNoSet { partition: 13, .. }), "{error}");
}

#[test]
fn a_root_on_a_whole_disk_is_refused() {
    let system = System::new();
    assert!(matches!(
        system.root_on("252:0").running().unwrap_err(),
        RunningError::NotAPartition(_)
    ));
    system.mapped("dm-0", "254:0", &[]);
    assert!(matches!(
        system.root_on("254:0").running().unwrap_err(),
        RunningError::NotAPartition(_)
    ));
}

#[test]
fn devices_that_lie_on_themselves_end() {
    let system = System::new();
    system.mapped("dm-0", "254:0", &["devices/virtual/block/dm-0"]);
    assert!(matches!(system.root_on("254:0").running().unwrap_err(), RunningError::TooDeep(_)));
}

#[test]
fn a_partition_that_the_kernel_has_elsewhere_is_refused() {
    let system = System::new();
    fs::write(system.sys("devices/pci/vda/vda4/start"), "2048\n").unwrap();
    assert!(matches!(system.root_on("252:4").running().unwrap_err(), RunningError::Moved { .. }));
    for garbage in ["", "-1", "x", "18446744073709551615"] {
        fs::write(system.sys("devices/pci/vda/vda4/start"), garbage).unwrap();
        assert!(matches!(system.running().unwrap_err(), RunningError::Read { .. }), "{garbage:?}");
    }
}

#[test]
fn a_disk_that_is_gone_is_an_error_and_is_not_made() {
    let system = System::new();
    fs::remove_file(system.disk()).unwrap();
    let error = system.root_on("252:4").running().unwrap_err();
    assert_eq!(error.kind(), Kind::Failed);
    assert!(!system.disk().exists());
}

#[test]
fn without_options_the_running_system_is_meant() {
    let system = System::new();
    system.root_on("252:9");
    let expected = Target { disk: system.disk(), active: Some(SetId::B) };
    assert_eq!(system.find(None, None).unwrap(), expected);
    assert_eq!(system.find(None, Some(SetId::B)).unwrap(), expected);
    assert_eq!(system.find(Some(&system.disk()), None).unwrap(), expected);
}

#[test]
fn what_is_said_may_not_contradict_the_running_system() {
    let system = System::new();
    system.root_on("252:9");
    // Another name of the same disk.
    let link = system.root.join("dev/by-name");
    symlink("vda", &link).unwrap();
    for disk in [None, Some(system.disk()), Some(link)] {
        let error = system.find(disk.as_deref(), Some(SetId::A)).unwrap_err();
        let TargetError::Disagree { said: SetId::A, found: SetId::B, .. } = error else {
            unreachable!("{error}");
        };
        assert_eq!(error.kind(), Kind::Refused);
    }
}

#[test]
fn another_disk_is_what_it_is_said_to_be() {
    let system = System::new();
    system.root_on("252:9");
    let other = Image::large_blocks();
    for active in [None, Some(SetId::A), Some(SetId::B)] {
        let target = system.find(Some(&other.path), active).unwrap();
        assert_eq!(target, Target { disk: other.path.clone(), active });
    }
}

#[test]
fn a_system_that_does_not_tell_needs_a_disk() {
    let system = System::new();
    system.mounts(&["22 1 0:40 / / rw - overlay overlay rw"]);
    assert!(matches!(system.find(None, Some(SetId::A)).unwrap_err(), TargetError::Running(_)));
    let target = system.find(Some(&system.disk()), Some(SetId::A)).unwrap();
    assert_eq!(target.active, Some(SetId::A));
}
