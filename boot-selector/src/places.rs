//! Where the kernel images are.

use gptdisk::{Entry, PartType, Table};
use gptprio::{BootBits, SetId, Sets};

/// The boot partitions of a disk, each with its number in the table: the first belongs to set A, the second to B.
///
/// Further ones belong to nobody. `signpost` refuses such a disk; here something is to boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    a: (u32, Entry),
    b: Option<(u32, Entry)>,
}

impl Places {
    /// The boot partitions of a table; `None` if it has none.
    #[must_use]
    pub fn of(table: &Table) -> Option<Self> {
        let boot = PartType::Boot.guid();
        let mut found = table.partitions().filter(|(_, entry)| entry.kind == boot);
        Some(Self { a: found.next()?, b: found.next() })
    }

    /// The boot partition of a set, with its number.
    #[must_use]
    pub fn of_set(&self, set: SetId) -> Option<&(u32, Entry)> {
        match set {
            SetId::A => Some(&self.a),
            SetId::B => self.b.as_ref(),
        }
    }

    /// The bits of the sets.
    #[must_use]
    pub fn sets(&self) -> Sets {
        let bits = |(_, entry): &(u32, Entry)| BootBits::from_attributes(entry.attributes);
        Sets { a: bits(&self.a), b: self.b.as_ref().map(bits) }
    }

    /// Puts the bits of the sets into the table; whether that changed it.
    pub(crate) fn put(&self, sets: &Sets, table: &mut Table) -> bool {
        let mut changed = false;
        for (set, bits) in sets.iter() {
            let Some((index, _)) = self.of_set(set) else { continue };
            let Some(entry) = table.partition(*index) else { continue };
            let attributes = bits.write_to(entry.attributes);
            if attributes != entry.attributes {
                changed |= table.set_attributes(*index, attributes);
            }
        }
        changed
    }
}
