//! One entry of the table (UEFI specification 2.10, table 5-7).

use alloc::string::String;

use crate::Guid;
use crate::fields::Fields;

/// How many UTF-16 units a name has room for.
pub const NAME_UNITS: usize = 36;

/// Where the attributes of an entry lie in it.
pub(crate) const ATTRIBUTES_OFFSET: usize = 48;

/// The bytes of an entry that the standard defines.
pub(crate) const ENTRY_BYTES: usize = 128;

/// The 64 attribute bits of a partition.
pub type Attributes = u64;

/// A partition that is in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What the partition is for.
    pub kind: Guid,
    /// The partition's own identity.
    pub id: Guid,
    /// Its first block.
    pub first: u64,
    /// Its last block, itself included.
    pub last: u64,
    /// Its attribute bits.
    pub attributes: Attributes,
    name: [u16; NAME_UNITS],
}

impl Entry {
    /// Reads an entry of at least 128 bytes; `None` if it is not in use.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let kind = Guid::from_disk(fields.bytes());
        if kind == Guid::UNUSED {
            return None;
        }
        let id = Guid::from_disk(fields.bytes());
        let (first, last, attributes) = (fields.u64(), fields.u64(), fields.u64());
        let name = core::array::from_fn(|_| u16::from_le_bytes(fields.bytes()));
        Some(Self { kind, id, first, last, attributes, name })
    }

    /// The bytes on the disk.
    pub(crate) fn serialise(&self) -> [u8; ENTRY_BYTES] {
        let mut bytes = [0; ENTRY_BYTES];
        bytes[..16].copy_from_slice(&self.kind.to_disk());
        bytes[16..32].copy_from_slice(&self.id.to_disk());
        bytes[32..40].copy_from_slice(&self.first.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.last.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.attributes.to_le_bytes());
        for (place, unit) in bytes[56..].chunks_exact_mut(2).zip(self.name) {
            place.copy_from_slice(&unit.to_le_bytes());
        }
        bytes
    }

    /// An entry with a name of at most [`NAME_UNITS`] UTF-16 units; `None` for a longer one.
    pub(crate) fn named(mut self, text: &str) -> Option<Self> {
        self.name = [0; NAME_UNITS];
        for (position, unit) in text.encode_utf16().enumerate() {
            *self.name.get_mut(position)? = unit;
        }
        Some(self)
    }

    /// An entry without a name.
    pub(crate) fn unnamed(kind: Guid, id: Guid, first: u64, last: u64, attributes: u64) -> Self {
        Self { kind, id, first, last, attributes, name: [0; NAME_UNITS] }
    }

    /// The label, for people only; what is not UTF-16 in it becomes U+FFFD.
    #[must_use]
    pub fn name(&self) -> String {
        let units = self.name.iter().copied().take_while(|unit| *unit != 0);
        char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    }
}
