//! A disk that nobody here has laid out: by `sgdisk`, as Bottlerocket does, with its type GUIDs, names and states.
//!
//! That the selector starts what the shared rule says in all combinations of two sets' bits is a test of the selector's library; here
//! it is a sample, with real firmware and a disk made by a tool that is not ours.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use gptprio::{SetId, Sets, choose, start};
use serde_json::Value;
use signpost::{Access, Disk, Layout};

use super::case::{Case, Failure, ensure};
use super::debian::output;
use super::expect::{bits, came_up, says};
use super::machine::Machine;
use super::release::Flavour;
use super::system::SystemBench;
use super::system_disk::SystemDisk;

/// Every case.
pub(super) const CASES: &[Case<SystemBench>] = &[Case {
    name: "bottlerocket-disk",
    holds: "on a disk that sgdisk laid out as Bottlerocket does, signpost says what boots next, and that boots",
    run: bottlerocket_disk,
}];

/// Type, name and mebibytes of each partition, in order. Bottlerocket's sizes are larger.
const PARTITIONS: [(&str, &str, u64); 13] = [
    ("21686148-6449-6e6f-744e-656564454649", "BIOS-BOOT", 4),
    ("c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "EFI-SYSTEM", 5),
    (BOOT, "BOTTLEROCKET-BOOT-A", 24),
    (ROOT, "BOTTLEROCKET-ROOT-A", 64),
    (HASH, "BOTTLEROCKET-HASH-A", 2),
    (RESERVED, "BOTTLEROCKET-RESERVED-A", 1),
    ("b39ce39c-0a00-b4ab-2d11-f18f8237a21c", "EFI-BACKUP", 5),
    (BOOT, "BOTTLEROCKET-BOOT-B", 24),
    (ROOT, "BOTTLEROCKET-ROOT-B", 64),
    (HASH, "BOTTLEROCKET-HASH-B", 2),
    (RESERVED, "BOTTLEROCKET-RESERVED-B", 1),
    ("440408bb-eb0b-4328-a6e5-a29038fad706", "BOTTLEROCKET-PRIVATE", 1),
    ("626f7474-6c65-6474-6861-726d61726b73", "BOTTLEROCKET-DATA", 16),
];
const BOOT: &str = "6b636168-7420-6568-2070-6c616e657421";
const ROOT: &str = "5526016a-1a97-4ea4-b39a-b7c8c6ca4502";
const HASH: &str = "598f10af-c955-4456-6a99-7720068a6cea";
const RESERVED: &str = "0c5d99a5-d331-4147-baef-08e2b855bdc9";

/// Room for all of them and both copies of the table, in mebibytes.
const MEBIBYTES: u64 = 216;

/// Priority, tries and success of both sets: what it is, A, B.
type State = (&'static str, (u8, u8, bool), (u8, u8, bool));

/// States that a disk of Bottlerocket goes through.
const STATES: [State; 6] = [
    ("from the factory", (1, 0, true), (0, 0, false)),
    ("written, not applied", (1, 0, true), (0, 1, false)),
    ("applied", (1, 0, true), (2, 1, false)),
    ("failed", (1, 0, true), (2, 0, false)),
    ("proven", (1, 0, true), (2, 0, true)),
    ("rolled back", (2, 0, true), (1, 0, true)),
];

fn bottlerocket_disk(bench: &SystemBench) -> Result<(), Failure> {
    bench.needs_selector()?;
    let disk = lay_out(bench)?;
    for (number, (what, a, b)) in STATES.into_iter().enumerate() {
        sets_bits(disk.path(), SetId::A, a)?;
        sets_bits(disk.path(), SetId::B, b)?;
        let [a, b] = [a, b].map(|(priority, tries, good)| bits(priority, tries, good));
        let sets = Sets { a, b: Some(b) };
        ensure(disk.sets()? == sets, || format!("{what}: the disk has other bits than {sets:?}"))?;
        let said = next_by_signpost(bench, disk.path())?;
        let (choice, after) = start(&sets).ok_or_else(|| Failure::new("nothing would boot"))?;
        ensure(said == choice.set.to_string(), || format!("{what}: signpost says {said:?}"))?;
        boots(bench, &disk, &number.to_string(), choice.set)?;
        let found = disk.sets()?;
        ensure(found == after, || format!("{what}: {sets:?} became {found:?}, not {after:?}"))?;
        ensure(choose(&found).is_some(), || format!("{what}: nothing boots any more"))?;
    }
    Ok(())
}

/// The set that boots next, as the program says.
fn next_by_signpost(bench: &SystemBench, disk: &Path) -> Result<String, Failure> {
    let mut signpost = bench.system.program("signpost");
    let text = output(signpost.arg("--json").arg("--disk").arg(disk).arg("status"))?;
    let status: Value = serde_json::from_str(&text).unwrap_or_default();
    let next = status.pointer("/next/set").and_then(Value::as_str);
    next.map(str::to_owned).ok_or_else(|| Failure::new(&format!("no next set in {text}")))
}

fn boots(bench: &SystemBench, disk: &SystemDisk, name: &str, set: SetId) -> Result<(), Failure> {
    let machine = Machine::new(&bench.folder, disk.path()).memory(512);
    let said = machine.patience(super::host::PATIENCE).run(name)?;
    says(&said, &format!("waystone: starting set {set}"))?;
    came_up(&said, set, if set == SetId::A { "1.0.0" } else { "1.1.0" })
}

/// A disk with both releases, and with the firmware's partition of the disk that image-builder makes.
fn lay_out(bench: &SystemBench) -> Result<SystemDisk, Failure> {
    let path = bench.folder.join("bottlerocket.img");
    let made = File::create(&path).and_then(|file| file.set_len(MEBIBYTES << 20));
    made.map_err(|cause| Failure::io("make", &path, &cause))?;
    let mut sgdisk = Command::new(SGDISK);
    for (index, (kind, name, size)) in PARTITIONS.into_iter().enumerate() {
        let number = index + 1;
        sgdisk.arg(format!("--new={number}:0:+{size}M"));
        sgdisk.arg(format!("--typecode={number}:{kind}"));
        sgdisk.arg(format!("--change-name={number}:{name}"));
    }
    output(sgdisk.arg(&path))?;
    copy_efi(bench.disk()?.path(), &path)?;
    let disk = SystemDisk::at(path);
    for (set, version) in [(SetId::A, "1.0.0"), (SetId::B, "1.1.0")] {
        disk.fill(set, &bench.system.release(version, Flavour::Good)?)?;
    }
    Ok(disk)
}

/// Debian has it where administrators' programs are.
const SGDISK: &str = "/sbin/sgdisk";

/// What firmware starts from, from one disk to another.
fn copy_efi(from: &Path, to: &Path) -> Result<(), Failure> {
    let efi = |path: &Path| -> Result<(u64, u64), Failure> {
        let disk = Disk::open(path, Access::Read)?;
        let layout: &Layout = disk.layout();
        let part = layout.set(SetId::A).and_then(|set| set.efi);
        let part = part.ok_or_else(|| Failure::new("a disk has no EFI system partition"))?;
        Ok((part.start, part.length))
    };
    let ((here, length), (there, _)) = (efi(from)?, efi(to)?);
    let bytes = fs::read(from).map_err(|cause| Failure::io("read", from, &cause))?;
    let range = usize::try_from(here).ok().zip(usize::try_from(here + length).ok());
    let part = range.and_then(|(start, end)| bytes.get(start..end));
    let part = part.ok_or_else(|| Failure::new("the disk is shorter than its table says"))?;
    SystemDisk::at(PathBuf::from(to)).write(there, part)
}

/// Sets or clears all bits of a set's boot partition that say something, one by one, with a tool that is not ours.
fn sets_bits(disk: &Path, set: SetId, state: (u8, u8, bool)) -> Result<(), Failure> {
    let (priority, tries, good) = state;
    let boot = if set == SetId::A { 3 } else { 8 };
    let value = u64::from(priority) | u64::from(tries) << 4 | u64::from(good) << 8;
    let mut sgdisk = Command::new(SGDISK);
    for bit in 0..11 {
        let what = if value >> bit & 1 == 1 { "set" } else { "clear" };
        sgdisk.arg(format!("--attributes={boot}:{what}:{}", 48 + bit));
    }
    output(sgdisk.arg(disk)).map(drop)
}
