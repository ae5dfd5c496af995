//! The kinds of partitions that a disk of ours has.

use core::fmt;

use crate::Guid;

/// What a partition is for, told by its type GUID and by nothing else: labels are for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartType {
    /// The kernel image of a set; its attributes hold the boot bits.
    Boot,
    /// The root filesystem of a set.
    Root,
    /// The dm-verity tree of a set's root.
    Hash,
    /// Room in a set for what may come.
    Reserved,
    /// The settings data store; its attributes remember whether any boot has succeeded.
    Private,
    /// Everything else that a host stores.
    Data,
    /// The EFI system partition, with set A.
    EfiSystem,
    /// A second EFI system partition, with set B, which firmware does not take for one.
    EfiBackup,
}

impl PartType {
    /// Every kind, in the order of a disk.
    pub const ALL: [Self; 8] = [
        Self::EfiSystem,
        Self::EfiBackup,
        Self::Boot,
        Self::Root,
        Self::Hash,
        Self::Reserved,
        Self::Private,
        Self::Data,
    ];

    /// The type GUID.
    #[must_use]
    pub const fn guid(self) -> Guid {
        Guid::from_digits(match self {
            Self::Boot => 0x6b636168_7420_6568_2070_6c616e657421,
            Self::Root => 0x5526016a_1a97_4ea4_b39a_b7c8c6ca4502,
            Self::Hash => 0x598f10af_c955_4456_6a99_7720068a6cea,
            Self::Reserved => 0x0c5d99a5_d331_4147_baef_08e2b855bdc9,
            Self::Private => 0x440408bb_eb0b_4328_a6e5_a29038fad706,
            Self::Data => 0x626f7474_6c65_6474_6861_726d61726b73,
            Self::EfiSystem => 0xc12a7328_f81f_11d2_ba4b_00a0c93ec93b,
            Self::EfiBackup => 0xb39ce39c_0a00_b4ab_2d11_f18f8237a21c,
        })
    }

    /// The kind with this type GUID, if it is one of ours.
    #[must_use]
    pub fn of(guid: Guid) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.guid() == guid)
    }
}

impl fmt::Display for PartType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Boot => "boot",
            Self::Root => "root",
            Self::Hash => "hash",
            Self::Reserved => "reserved",
            Self::Private => "private",
            Self::Data => "data",
            Self::EfiSystem => "EFI system",
            Self::EfiBackup => "EFI backup",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_guid() {
        for part in PartType::ALL {
            assert_eq!(PartType::of(part.guid()), Some(part));
        }
        assert_eq!(PartType::of(Guid::UNUSED), None);
    }

    #[test]
    fn the_boot_guid_reads_as_text_on_the_disk() {
        assert_eq!(&PartType::Boot.guid().to_disk(), b"hack the planet!");
    }
}
