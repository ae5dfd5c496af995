//! The build report: what `image-builder build` made, read by whoever publishes or installs it.
//!
//! One type for both sides, written as `build-report.json` beside the images. It holds no time and no
//! path outside its folder, so that the same input gives the same report.

use semver::Version;
use serde::{Deserialize, Serialize};

/// The format that this code writes and reads.
pub const FORMAT: u32 = 1;

/// Everything a publisher, a disk builder or a reader needs to know of one build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildReport {
    /// Version of this report's format: [`FORMAT`].
    pub format: u32,
    /// Variant of the operating system, as in os-release's `VARIANT_ID`.
    pub variant: String,
    /// Architecture, `x86_64` or `aarch64`.
    pub arch: String,
    /// Version of the release.
    pub version: Version,
    /// Releases of one product line share their dm-verity salt, so that their trees can be compared.
    pub product_line: String,
    /// Filesystem of the root image: `erofs` or `ext4`.
    pub filesystem: String,
    /// Kernel command line inside the boot image.
    pub command_line: String,
    /// The dm-verity tree of the root image.
    pub verity: VerityReport,
    /// The signature of the boot image, for machines with Secure Boot; none if it is not signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secure_boot: Option<SecureBootReport>,
    /// Labels of the root image for SELinux; absent if it was not labelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selinux: Option<SelinuxReport>,
    /// The three images.
    pub images: ImageReports,
    /// Sizes of the disk that the images are made for.
    pub layout: LayoutReport,
}

/// The dm-verity tree of the root image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerityReport {
    /// Root hash, 64 lower-case hexadecimal digits.
    pub root_hash: String,
    /// Salt in hexadecimal.
    pub salt: String,
    /// UUID of the tree's superblock.
    pub uuid: String,
    /// Data blocks of 4096 bytes that the tree covers.
    pub data_blocks: u64,
}

/// Who signed the boot image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecureBootReport {
    /// Subject of the certificate, as RFC 4514 writes it.
    pub subject: String,
    /// SHA-256 of the certificate as DER, 64 lower-case hexadecimal digits.
    pub certificate_sha256: String,
}

/// How the files of a root image are labelled for SELinux.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelinuxReport {
    /// The policy that its `/etc/selinux/config` names (`SELINUXTYPE`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The mode that its `/etc/selinux/config` names (`SELINUX`), `enforcing` for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// SHA-256 of the file contexts and what belongs to them, 64 lower-case hexadecimal digits.
    pub file_contexts_sha256: String,
    /// How many labels there are.
    pub labels: u64,
    /// Files, folders and all else with a label.
    pub labelled_files: u64,
    /// Those without: the policy wants it so, or says nothing of them.
    pub unlabelled_files: u64,
}

/// The images of one set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageReports {
    /// Unified kernel image.
    pub boot: ImageReport,
    /// Root filesystem.
    pub root: ImageReport,
    /// dm-verity tree of the root filesystem.
    pub hash: ImageReport,
}

/// One image, as it lies on the disk and as it travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageReport {
    /// The image as it is written to the partition.
    pub raw: Artifact,
    /// The same, compressed (one lz4 frame).
    pub transport: Artifact,
    /// Size of the partition in bytes.
    pub partition_bytes: u64,
    /// How full the partition is, in thousandths, rounded up.
    pub fill_permille: u32,
}

/// One file of the build's folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// Name in the folder of the report, without any separator.
    pub file: String,
    /// Length in bytes.
    pub length: u64,
    /// SHA-256, 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// Sizes of the disk's partitions, in bytes, and the prefix of their labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayoutReport {
    /// Labels are `PREFIX-BOOT-A` and so on.
    pub label_prefix: String,
    /// Firmware partition, before the sets; zero for none.
    #[serde(default)]
    pub firmware_bytes: u64,
    /// EFI system partition of set A, and its backup in set B.
    pub efi_bytes: u64,
    /// Boot partition, a set.
    pub boot_bytes: u64,
    /// Root partition, a set.
    pub root_bytes: u64,
    /// Hash partition, a set.
    pub hash_bytes: u64,
    /// Reserved partition, a set.
    pub reserved_bytes: u64,
    /// Private partition (the settings data store).
    pub private_bytes: u64,
    /// Data partition.
    pub data_bytes: u64,
}
