//! Where the partitions of a disk lie. Pure.
//!
//! Order: firmware, then EFI, boot, root, hash and reserved of set A, the same of set B, private, data. The n-th
//! partition of a type belongs to the n-th set.

use gptdisk::{BlockSize, CreateError, Guid, NewPart, NewTable, PartType};
use gptprio::{BootBits, Priority, SetId};
use manifest::report::BuildReport;
use serde::Serialize;

use crate::identity::derived_uuid;

/// The room before the first partition, and that behind the last one for the backup table.
const MARGIN: u64 = 1 << 20;

/// BIOS boot partition: what firmware of the old kind would have its loader in.
const FIRMWARE: &str = "21686148-6449-6e6f-744e-656564454649";

/// What a partition is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Loader of firmware of the old kind; empty.
    Firmware,
    /// EFI system partition, or its backup in set B.
    Efi,
    /// Boot image.
    Boot,
    /// Root image.
    Root,
    /// Hash image.
    Hash,
    /// For later.
    Reserved,
    /// Settings.
    Private,
    /// Data.
    Data,
}

/// One partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Its number, from 1.
    pub index: u32,
    /// Its label.
    pub label: String,
    /// What it is for.
    pub role: Role,
    /// The set that it belongs to.
    #[serde(serialize_with = "set_name")]
    pub set: Option<SetId>,
    /// Where it begins, in bytes.
    pub start: u64,
    /// Its length in bytes.
    pub length: u64,
}

fn set_name<S: serde::Serializer>(set: &Option<SetId>, serializer: S) -> Result<S::Ok, S::Error> {
    match set {
        Some(set) => serializer.collect_str(set),
        None => serializer.serialize_none(),
    }
}

/// Length of the disk, its table and its partitions.
pub(super) fn lay_out(
    report: &BuildReport,
    disk: Guid,
) -> Result<(u64, NewTable, Vec<Part>), CreateError> {
    let wanted = wanted(report);
    let aligned =
        |(.., length): &(Role, Option<SetId>, u64)| length.checked_next_multiple_of(MARGIN);
    let sizes = wanted.iter().map(aligned);
    let total = sizes.chain([Some(2 * MARGIN)]).try_fold(0_u64, |sum, size| sum.checked_add(size?));
    let length = total.ok_or(CreateError::Size(u64::MAX))?;
    let mut table = NewTable::new(BlockSize::B512, length, disk)?;
    let mut parts = Vec::new();
    for (role, set, length) in wanted {
        let label = label(&report.layout.label_prefix, role, set);
        let id = derived_uuid("partition", &[&report.product_line, &disk.to_string(), &label]);
        let range = table.add(&NewPart {
            kind: kind(role, set),
            id: Guid::from_text_order(*id.as_bytes()),
            name: label.clone(),
            length: Some(length),
            attributes: attributes(role, set),
        })?;
        parts.push(Part { index: range.index, label, role, set, start: range.start, length });
    }
    Ok((length, table, parts))
}

/// Every partition with its length, in the order of the disk; none of length zero.
fn wanted(report: &BuildReport) -> Vec<(Role, Option<SetId>, u64)> {
    let layout = &report.layout;
    let set = |set| {
        [
            (Role::Efi, layout.efi_bytes),
            (Role::Boot, layout.boot_bytes),
            (Role::Root, layout.root_bytes),
            (Role::Hash, layout.hash_bytes),
            (Role::Reserved, layout.reserved_bytes),
        ]
        .map(|(role, length)| (role, Some(set), length))
    };
    let mut wanted = vec![(Role::Firmware, None, layout.firmware_bytes)];
    wanted.extend(set(SetId::A));
    wanted.extend(set(SetId::B));
    wanted.push((Role::Private, None, layout.private_bytes));
    wanted.push((Role::Data, None, layout.data_bytes));
    wanted.retain(|(.., length)| *length > 0);
    wanted
}

fn label(prefix: &str, role: Role, set: Option<SetId>) -> String {
    let name = match role {
        Role::Firmware => "FIRMWARE",
        Role::Efi => "EFI",
        Role::Boot => "BOOT",
        Role::Root => "ROOT",
        Role::Hash => "HASH",
        Role::Reserved => "RESERVED",
        Role::Private => "PRIVATE",
        Role::Data => "DATA",
    };
    match set {
        Some(set) => format!("{prefix}-{name}-{set}"),
        None => format!("{prefix}-{name}"),
    }
}

fn kind(role: Role, set: Option<SetId>) -> Guid {
    match (role, set) {
        (Role::Firmware, _) => FIRMWARE.parse().expect("the constant is a GUID"),
        (Role::Efi, Some(SetId::B)) => PartType::EfiBackup.guid(),
        (Role::Efi, _) => PartType::EfiSystem.guid(),
        (Role::Boot, _) => PartType::Boot.guid(),
        (Role::Root, _) => PartType::Root.guid(),
        (Role::Hash, _) => PartType::Hash.guid(),
        (Role::Reserved, _) => PartType::Reserved.guid(),
        (Role::Private, _) => PartType::Private.guid(),
        (Role::Data, _) => PartType::Data.guid(),
    }
}

/// From the factory set A boots and counts as proven; set B is empty.
fn attributes(role: Role, set: Option<SetId>) -> u64 {
    match (role, set) {
        (Role::Boot, Some(SetId::A)) => {
            BootBits { priority: Priority::ONE, successful: true, ..BootBits::CLEAR }.write_to(0)
        }
        _ => 0,
    }
}
