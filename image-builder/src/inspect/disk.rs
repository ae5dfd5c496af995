//! Disks.

use gptdisk::{BlockSize, Condition, Layout, Loaded, PartType, Side};
use gptprio::{BootBits, SetId};
use serde::Serialize;

use super::Subject;
use crate::Error;
use crate::disk::FileBlocks;

/// What a disk says of itself.
#[derive(Clone, Debug, Serialize)]
pub struct DiskFacts {
    /// Bytes of the disk.
    pub length: u64,
    /// Bytes of a sector.
    pub sector_bytes: u64,
    /// Identity of the disk.
    pub disk_guid: String,
    /// Condition of the primary table.
    pub primary: String,
    /// Condition of the backup table.
    pub backup: String,
    /// How many sets it has.
    pub sets: usize,
    /// Its partitions.
    pub partitions: Vec<PartitionFacts>,
}

/// One partition.
#[derive(Clone, Debug, Serialize)]
pub struct PartitionFacts {
    /// Its number, from 1.
    pub index: u32,
    /// Its label.
    pub label: String,
    /// What its type is for, if that is known here.
    pub role: Option<String>,
    /// Its type.
    pub type_guid: String,
    /// The set that it belongs to.
    pub set: Option<String>,
    /// Where it begins, in bytes.
    pub start: u64,
    /// Its length in bytes.
    pub length: u64,
    /// Boot partitions: before which others they boot.
    pub priority: Option<u8>,
    /// Boot partitions: tries left.
    pub tries: Option<u8>,
    /// Boot partitions: whether a boot was proven good.
    pub successful: Option<bool>,
}

pub(super) fn facts(subject: &Subject<'_>) -> Result<DiskFacts, Error> {
    let size = if subject.has(512, b"EFI PART") { BlockSize::B512 } else { BlockSize::B4096 };
    let mut blocks = FileBlocks::new(&subject.file, subject.length, size);
    let loaded = Loaded::read(&mut blocks).map_err(|error| subject.damaged("a disk", error))?;
    let table = loaded.table();
    let layout = Layout::of(table).ok();
    let sets = layout.iter().flat_map(|layout| SetId::ALL.map(|set| layout.set(set).is_some()));
    Ok(DiskFacts {
        length: subject.length,
        sector_bytes: size.bytes(),
        disk_guid: table.disk().to_string(),
        primary: condition(loaded.condition(Side::Primary)),
        backup: condition(loaded.condition(Side::Backup)),
        sets: sets.filter(|there| *there).count(),
        partitions: table
            .partitions()
            .map(|(index, entry)| partition(index, &entry, layout.as_ref(), size))
            .collect(),
    })
}

fn partition(
    index: u32,
    entry: &gptdisk::Entry,
    layout: Option<&Layout>,
    size: BlockSize,
) -> PartitionFacts {
    let role = PartType::of(entry.kind);
    let bits = BootBits::from_attributes(entry.attributes);
    let bits = (role == Some(PartType::Boot)).then_some(bits);
    PartitionFacts {
        index,
        label: entry.name(),
        role: role.map(|role| role.to_string()),
        type_guid: entry.kind.to_string(),
        set: layout.and_then(|layout| layout.set_of(index)).map(|set| set.to_string()),
        start: entry.first.saturating_mul(size.bytes()),
        length: (entry.last - entry.first).saturating_add(1).saturating_mul(size.bytes()),
        priority: bits.map(|bits| bits.priority.value()),
        tries: bits.map(|bits| bits.tries.value()),
        successful: bits.map(|bits| bits.successful),
    }
}

fn condition(condition: &Condition<std::io::Error>) -> String {
    match condition {
        Condition::Good => "good".to_owned(),
        Condition::Stale => "differs from the other copy".to_owned(),
        Condition::Bad(fault) => format!("bad: {fault}"),
    }
}
