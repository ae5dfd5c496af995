//! The spec of an image: `image.toml`.
//!
//! Unknown fields are refused. The version of a release is no part of it, since a spec serves many releases.
//! `fixtures/image.toml` documents every field.

mod file_ref;
mod initramfs;
mod names;
mod secure_boot;
mod sizes;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::error::{FileError, OnFile};
use crate::selinux::Selinux;
use crate::uki::CommandLineError;

pub use file_ref::FileRef;
pub use initramfs::{Compression, Initramfs, MadeInitramfs, ModuleName};
pub use names::{LabelPrefix, Name, NameError};
pub use secure_boot::{HostFile, SecureBoot, SigningKey, SigningTime};
pub use sizes::{Mebibytes, Sizes};

/// Why a spec cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// It could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is no TOML, has an unknown field, or one of a wrong type.
    #[error("{} is not a valid spec", path.display())]
    Parse {
        /// The spec.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// The extra command line cannot be taken.
    #[error("'command_line' in the spec cannot be taken")]
    CommandLine(#[from] CommandLineError),
    /// The level is none that lz4 knows.
    #[error("'transport.level' is {0}, and lz4 knows 1 to 12")]
    Level(u32),
    /// The time of the files has not come yet.
    #[error("the time {0} of the files, in seconds since 1970, has not come yet")]
    Future(u32),
}

/// What to build.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Variant of the operating system; becomes `VARIANT_ID` in os-release.
    pub variant: Name,
    /// Architecture.
    pub arch: Arch,
    /// Releases that share it share their dm-verity salt.
    pub product_line: Name,
    /// Kernel.
    pub kernel: FileRef,
    /// Initial RAM filesystem.
    pub initramfs: Option<Initramfs>,
    /// UEFI stub of the boot image; systemd's if absent.
    pub stub: Option<FileRef>,
    /// Added to the kernel's command line.
    #[serde(default)]
    pub command_line: String,
    /// Filesystem of the root image.
    #[serde(default)]
    pub filesystem: FilesystemKind,
    /// What is done to the root filesystem's os-release.
    #[serde(default)]
    pub os_release: OsReleasePolicy,
    /// Time of every file and of the boot image, in seconds since 1970.
    #[serde(default = "default_timestamp")]
    pub timestamp: u32,
    /// Labels of partitions are `PREFIX-BOOT-A` and so on.
    #[serde(default)]
    pub label_prefix: LabelPrefix,
    /// Sizes of the partitions.
    #[serde(default)]
    pub sizes: Sizes,
    /// Compression for transport.
    #[serde(default)]
    pub transport: Transport,
    /// With what EFI programs are signed; they are not, if absent.
    pub secure_boot: Option<SecureBoot>,
    /// Labels for SELinux; without it, files keep those that they came with.
    pub selinux: Option<Selinux>,
    /// The folder of the spec, which files of the building machine are relative to.
    #[serde(skip)]
    pub folder: PathBuf,
}

/// Architecture of the machines that run the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arch {
    /// 64-bit x86.
    #[serde(rename = "x86_64")]
    X86_64,
    /// 64-bit Arm.
    Aarch64,
}

/// Filesystem of the root image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FilesystemKind {
    /// erofs without compression.
    #[default]
    Erofs,
    /// ext4 with blocks of 4 KiB, without a journal.
    Ext4,
}

/// What is done to the root filesystem's os-release.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OsReleasePolicy {
    /// `VARIANT_ID` and `VERSION_ID` are set to what is built.
    #[default]
    Set,
    /// Both must be what is built already.
    Check,
}

/// Compression for transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Transport {
    /// Level of lz4: 1 is fast, 3 to 12 are smaller and slow.
    pub level: u32,
}

impl Default for Transport {
    fn default() -> Self {
        Self { level: 1 }
    }
}

/// How far clocks that build may be apart.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// 2024-01-01T00:00:00Z.
fn default_timestamp() -> u32 {
    1_704_067_200
}

impl Spec {
    /// Reads a spec.
    ///
    /// # Errors
    ///
    /// Fails when it cannot be read, and names the field that is wrong.
    pub fn read(path: &Path) -> Result<Self, SpecError> {
        let text = fs::read_to_string(path).on("read", path)?;
        let mut spec: Self = toml::from_str(&text)
            .map_err(|source| SpecError::Parse { path: path.to_owned(), source: source.into() })?;
        spec.folder = path.parent().unwrap_or(Path::new("")).to_owned();
        crate::uki::check_extra(&spec.command_line)?;
        if !(1..=12).contains(&spec.transport.level) {
            return Err(SpecError::Level(spec.transport.level));
        }
        Ok(spec)
    }

    /// Refuses a time that has not come yet. A host takes its clock to be behind the time of its image, and so would take every
    /// repository for expired.
    ///
    /// # Errors
    ///
    /// Fails when the time of the files is more than a day ahead of `now`.
    pub fn check_time(&self, now: SystemTime) -> Result<(), SpecError> {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(self.timestamp.into());
        if time > now + DAY { Err(SpecError::Future(self.timestamp)) } else { Ok(()) }
    }

    /// The UEFI stub.
    pub fn stub(&self) -> FileRef {
        let default =
            || FileRef::Host(format!("/usr/lib/systemd/boot/efi/{}", self.arch.stub()).into());
        self.stub.clone().unwrap_or_else(default)
    }

    /// The time for the watchdog, where the initial RAM filesystem is one that arms it.
    pub fn watchdog_seconds(&self) -> Option<u16> {
        match &self.initramfs {
            Some(Initramfs::Made(made)) => {
                Some(made.watchdog_seconds).filter(|seconds| *seconds > 0)
            }
            Some(Initramfs::File(_)) | None => None,
        }
    }
}

impl Arch {
    /// Its name, as in the kernel's `uname`.
    pub fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// File name of systemd's stub.
    fn stub(self) -> &'static str {
        match self {
            Self::X86_64 => "linuxx64.efi.stub",
            Self::Aarch64 => "linuxaa64.efi.stub",
        }
    }
}

impl FilesystemKind {
    /// Its name, as the kernel has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Erofs => "erofs",
            Self::Ext4 => "ext4",
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::error::Error as _;

    use super::*;

    const LEAST: &str = "variant = 'v'\narch = 'x86_64'\nproduct_line = 'p'\nkernel = 'boot/k'\n";

    fn read(text: &str) -> Result<Spec, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image.toml");
        fs::write(&path, text).unwrap();
        Spec::read(&path).map_err(|error| {
            format!("{error}: {}", error.source().map(ToString::to_string).unwrap_or_default())
        })
    }

    #[test]
    fn the_documented_example_is_read() {
        let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/image.toml");
        let spec = Spec::read(Path::new(example)).unwrap();
        assert_eq!(spec.sizes, Sizes::default(), "the example shows the defaults");
        assert_eq!(spec.timestamp, default_timestamp());
        assert_eq!(spec.transport, Transport::default());
        assert_eq!(spec.label_prefix, LabelPrefix::default());
    }

    #[test]
    fn few_fields_are_needed() {
        let spec = read(LEAST).unwrap();
        assert_eq!(spec.filesystem, FilesystemKind::Erofs);
        assert_eq!(spec.sizes.root.bytes(), 920 << 20);
        let stub = FileRef::Host("/usr/lib/systemd/boot/efi/linuxx64.efi.stub".into());
        assert_eq!(spec.stub(), stub);
    }

    #[test]
    fn a_time_that_has_not_come_yet_is_refused() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(default_timestamp()));
        let mut spec = read(LEAST).unwrap();
        assert!(spec.check_time(now).is_ok());
        spec.timestamp += 24 * 60 * 60;
        assert!(spec.check_time(now).is_ok(), "clocks differ");
        spec.timestamp += 1;
        assert!(matches!(spec.check_time(now), Err(SpecError::Future(_))));
    }

    #[test]
    fn wrong_fields_are_named() {
        for (line, wanted) in [
            ("colour = 1", "colour"),
            ("version = '1.0.0'", "version"),
            ("[sizes]\nbooot = 1", "booot"),
            ("[sizes]\nboot = 0", "boot = 0"),
            ("[sizes]\nboot = -1", "boot = -1"),
            ("[transport]\nlevel = 99", "99"),
            ("filesystem = 'ntfs'", "ntfs"),
            ("label_prefix = 'a b'", "a b"),
            ("timestamp = 99999999999", "99999999999"),
            ("command_line = 'root=/dev/sda'", "root="),
            ("command_line = 'waystone.verity=1'", "waystone.verity"),
            ("initramfs = '/../etc/shadow'", ".."),
            ("[secure_boot]\nkey = 'host:k'\ncertificate = 'host:c'\nsign = true", "sign"),
            ("[selinux]\nfile_context = 'a'", "file_context"),
            ("[selinux]", "file_contexts"),
            ("selinux = {file_contexts = '../a'}", ".."),
        ] {
            let error = read(&format!("{LEAST}{line}\n")).unwrap_err();
            assert!(error.contains(wanted), "{line}: {error}");
        }
    }

    #[test]
    fn names_that_would_break_file_names_are_refused() {
        for name in ["", "a/b", "..", "A", "a b", "-a"] {
            assert!(read(&LEAST.replace("'v'", &format!("'{name}'"))).is_err(), "{name}");
        }
    }
}
