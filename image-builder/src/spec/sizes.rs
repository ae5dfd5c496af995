//! Sizes of partitions.

use std::num::NonZeroU32;

use manifest::report::LayoutReport;
use serde::Deserialize;

use super::LabelPrefix;

/// A size in MiB, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Mebibytes(NonZeroU32);

impl Mebibytes {
    const fn new(count: u32) -> Self {
        match NonZeroU32::new(count) {
            Some(count) => Self(count),
            None => Self(NonZeroU32::MIN),
        }
    }

    /// The size in bytes.
    pub fn bytes(self) -> u64 {
        u64::from(self.0.get()) << 20
    }
}

/// Sizes of the disk's partitions in MiB. The defaults are those of a 2 GiB OS disk, and 1 GiB of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sizes {
    /// Firmware part, before the sets.
    pub firmware: Mebibytes,
    /// EFI system partition of set A, and its backup in set B.
    pub efi: Mebibytes,
    /// Boot image, a set.
    pub boot: Mebibytes,
    /// Root image, a set.
    pub root: Mebibytes,
    /// Hash image, a set.
    pub hash: Mebibytes,
    /// Reserved, a set.
    pub reserved: Mebibytes,
    /// Settings data store.
    pub private: Mebibytes,
    /// Data.
    pub data: Mebibytes,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            firmware: Mebibytes::new(4),
            efi: Mebibytes::new(5),
            boot: Mebibytes::new(40),
            root: Mebibytes::new(920),
            hash: Mebibytes::new(10),
            reserved: Mebibytes::new(25),
            private: Mebibytes::new(41),
            data: Mebibytes::new(1024),
        }
    }
}

impl Sizes {
    /// Bytes of all partitions of a disk, those of each set twice.
    pub fn total(&self) -> u64 {
        let set = [self.efi, self.boot, self.root, self.hash, self.reserved];
        let once = [self.firmware, self.private, self.data];
        let bytes = |sizes: &[Mebibytes]| sizes.iter().map(|size| size.bytes()).sum::<u64>();
        2 * bytes(&set) + bytes(&once)
    }

    /// The sizes as the build report has them.
    pub fn report(&self, label_prefix: &LabelPrefix) -> LayoutReport {
        LayoutReport {
            label_prefix: label_prefix.as_str().to_owned(),
            firmware_bytes: self.firmware.bytes(),
            efi_bytes: self.efi.bytes(),
            boot_bytes: self.boot.bytes(),
            root_bytes: self.root.bytes(),
            hash_bytes: self.hash.bytes(),
            reserved_bytes: self.reserved.bytes(),
            private_bytes: self.private.bytes(),
            data_bytes: self.data.bytes(),
        }
    }
}
