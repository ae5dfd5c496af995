//! The cases of Secure Boot: firmware that knows our test keys, and programs that are signed with them, with others, or not.
//!
//! What is refused leaves no trace of its own, so each case waits for what comes instead: the other set, or, where the selector
//! itself is refused, a program on a second disk that only firmware can have started.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gptprio::{BootBits, Priority, SetId, Sets, Tries};

use super::case::{Bench, Case, Failure, ensure};
use super::console::Said;
use super::debian::output;
use super::disk::{Content, TestDisk};
use super::kernel::{StandIn, with_checksum};
use super::machine::Machine;
use super::system::SystemBench;

/// Stand-ins take this much longer with Secure Boot, since each access to a variable goes through system management mode.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(120);

/// What a stand-in says last.
const DONE: &str = "announce: done";

/// What the selector says last when nothing started.
const NOTHING: &str = "waystone: nothing can be started";

/// What the selector says of an image that is not allowed.
const REFUSED: &str = "waystone: set B did not start: the firmware refuses its kernel image: Secure Boot does not allow it";

/// Every case with stand-ins.
pub const CASES: &[Case] = &[
    Case {
        name: "secure-boot-image",
        holds: "an unsigned, a rogue, a revoked and a patched kernel image are refused, and the other set boots",
        run: images,
    },
    Case {
        name: "secure-boot-selector",
        holds: "so are such selectors, and firmware goes on with another disk",
        run: selectors,
    },
];

/// Every case with a kernel.
pub const SYSTEM_CASES: &[Case<SystemBench>] = &[
    Case {
        name: "secure-boot",
        holds: "a release and a selector that image-builder signed boot with Secure Boot on, and userland sees it",
        run: signed,
    },
    Case {
        name: "secure-boot-command-line",
        holds: "a patched command line is refused, and the other set boots",
        run: command_line,
    },
];

fn images(bench: &Bench) -> Result<(), Failure> {
    let keys = Keys::of(&bench.folder)?;
    let plain = StandIn(&bench.stand_in).restarts("image-B")?;
    for (name, image) in wrong(&keys, &plain)? {
        let disk = disk(bench, "disk.img", &keys.sign(&bench.selector)?, &keys)?;
        disk.set(SetId::B, bits(2, 2, false), &Content::Image(image))?;
        let said = machine(bench, &keys, &disk).boot(name, &[DONE, NOTHING])?;
        says(&said, "waystone: starting set B")?;
        says(&said, REFUSED)?;
        ran(&said, "image-A")?;
        says(&said, "announce: rule=fallback")?;
        let (found, expected) =
            (disk.sets()?, Sets { a: bits(1, 2, true), b: Some(bits(2, 1, false)) });
        ensure(found == expected, || format!("the bits are {found:?} instead of {expected:?}"))?;
    }
    Ok(())
}

fn selectors(bench: &Bench) -> Result<(), Failure> {
    let keys = Keys::of(&bench.folder)?;
    let reached = keys.sign(&StandIn(&bench.stand_in).restarts("second-disk")?)?;
    let second = disk(bench, "second.img", &reached, &keys)?;
    let drive = format!("if=none,id=second,format=raw,file={}", second.path().display());
    let start = |name: &str, selector: &[u8]| {
        let first = disk(bench, "disk.img", selector, &keys)?;
        let machine = machine(bench, &keys, &first);
        machine
            .with(&["-drive", &drive, "-device", "virtio-blk-pci,drive=second"])
            .boot(name, &[DONE, NOTHING])
    };
    for (name, selector) in wrong(&keys, &bench.selector)? {
        let said = start(name, &selector)?;
        ran(&said, "second-disk")?;
        ensure(!said.has("waystone:"), || format!("the {name} selector ran:\n{said}"))?;
    }
    // The second disk is only there for what is refused on the first.
    ran(&start("signed", &keys.sign(&bench.selector)?)?, "image-A")
}

fn signed(bench: &SystemBench) -> Result<(), Failure> {
    let keys = Keys::of(&bench.folder)?;
    let bench = signed_bench(bench, &keys)?;
    let said = firmware(&bench, &keys, bench.disk()?.path()).run("1")?;
    says(&said, "waystone: starting set A")?;
    is_up(&said)
}

fn command_line(bench: &SystemBench) -> Result<(), Failure> {
    let keys = Keys::of(&bench.folder)?;
    let bench = signed_bench(bench, &keys)?;
    let disk = bench.disk()?;
    bench.fill(&disk, SetId::B)?;
    disk.store(Sets { a: bits(1, 3, true), b: Some(bits(2, 2, false)) })?;
    let image = bench.system.first()?.image("boot.img")?;
    let patched = patched(&image, b"panic=1 ", b"init=/x ")?;
    disk.write(disk.parts(SetId::B)?.boot.start, &patched)?;
    let said = firmware(&bench, &keys, disk.path()).run("1")?;
    says(&said, "waystone: starting set B")?;
    says(&said, REFUSED)?;
    says(&said, "waystone: starting set A")?;
    is_up(&said)
}

/// What must not run: unsigned, signed by somebody unknown or revoked, and changed after it was signed. All have the right checksum.
fn wrong(keys: &Keys, program: &[u8]) -> Result<[(&'static str, Vec<u8>); 4], Failure> {
    // This text is in every EFI program, and nobody reads it.
    let changed = patched(&keys.sign(program)?, b"DOS mode", b"DOS m0de")?;
    Ok([
        ("unsigned", program.to_vec()),
        ("rogue", keys.sign_by("rogue", program)?),
        ("revoked", keys.sign_by("old", program)?),
        ("patched", changed),
    ])
}

/// A program with other bytes at one place, and the checksum that belongs to them.
fn patched(program: &[u8], from: &[u8], to: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut bytes = program.to_vec();
    let place = bytes.windows(from.len()).position(|window| window == from);
    let place = place.ok_or_else(|| Failure::new("there is nothing to patch"))?;
    bytes[place..place + to.len()].copy_from_slice(to);
    with_checksum(bytes)
}

/// A disk with this program where firmware looks, and a signed, good set A.
fn disk(bench: &Bench, name: &str, program: &[u8], keys: &Keys) -> Result<TestDisk, Failure> {
    let disk = TestDisk::new(&bench.folder.join(name), 512, program)?;
    let image = keys.sign(&StandIn(&bench.stand_in).restarts("image-A")?)?;
    disk.set(SetId::A, bits(1, 3, true), &Content::Image(image))?;
    Ok(disk)
}

fn machine(bench: &Bench, keys: &Keys, disk: &TestDisk) -> Machine {
    Machine::new(&bench.folder, disk.path()).secure_boot(&keys.variables()).patience(PATIENCE)
}

/// A bench with a release that was signed by image-builder, as was the selector.
fn signed_bench(bench: &SystemBench, keys: &Keys) -> Result<SystemBench, Failure> {
    bench.needs_selector()?;
    let secure_boot = format!(
        "[secure_boot]\nkey = \"host:{}\"\ncertificate = \"host:{}\"\n",
        keys.file("db", "key").display(),
        keys.file("db", "crt").display()
    );
    let system = bench.system.again(&bench.folder.join("system"), &secure_boot)?;
    Ok(SystemBench { system, folder: bench.folder.clone() })
}

fn firmware(bench: &SystemBench, keys: &Keys, disk: &Path) -> Machine {
    let machine = Machine::new(&bench.folder, disk).secure_boot(&keys.variables());
    machine.memory(512).patience(PATIENCE * 2)
}

/// A stand-in ran, and Secure Boot was on.
fn ran(said: &Said, name: &str) -> Result<(), Failure> {
    says(said, &format!("announce: image {name} "))?;
    says(said, "announce: SecureBoot=1")
}

/// The guest ran, from set A, and Secure Boot was on.
fn is_up(said: &Said) -> Result<(), Failure> {
    says(said, "guest: SecureBoot=1")?;
    says(said, "guest: told that set A was started")?;
    says(said, "guest: verdict: up")
}

fn says(said: &Said, text: &str) -> Result<(), Failure> {
    ensure(said.has(text), || format!("nobody said {text:?}:\n{said}"))
}

fn bits(priority: u8, tries: u8, successful: bool) -> BootBits {
    BootBits {
        priority: Priority::new(priority).unwrap_or(Priority::MAX),
        tries: Tries::new(tries).unwrap_or(Tries::MAX),
        successful,
        spent: false,
    }
}

/// The keys that `cargo xtask keys` makes.
#[derive(Clone, Debug)]
struct Keys {
    folder: PathBuf,
    /// Where programs lie while they are signed.
    work: PathBuf,
}

impl Keys {
    /// The keys in `keys` of cargo's target folder, in whose `vm` the case has its own.
    fn of(case: &Path) -> Result<Self, Failure> {
        let target = case.ancestors().nth(2).unwrap_or(case);
        let keys = Self { folder: target.join("keys"), work: case.to_owned() };
        let there = keys.variables().exists();
        ensure(there, || {
            format!("{} is missing: `cargo xtask keys` makes it", keys.variables().display())
        })?;
        Ok(keys)
    }

    fn file(&self, name: &str, kind: &str) -> PathBuf {
        self.folder.join(format!("{name}.{kind}"))
    }

    fn variables(&self) -> PathBuf {
        self.folder.join("variables.fd")
    }

    /// A program, signed by somebody whom the firmware knows.
    fn sign(&self, program: &[u8]) -> Result<Vec<u8>, Failure> {
        self.sign_by("db", program)
    }

    fn sign_by(&self, name: &str, program: &[u8]) -> Result<Vec<u8>, Failure> {
        let [from, to] = ["program.efi", "signed.efi"].map(|name| self.work.join(name));
        fs::write(&from, program).map_err(|cause| Failure::io("write", &from, &cause))?;
        let mut sbsign = Command::new("sbsign");
        sbsign.arg("--key").arg(self.file(name, "key")).arg("--cert").arg(self.file(name, "crt"));
        output(sbsign.arg("--output").args([&to, &from]))?;
        fs::read(&to).map_err(|cause| Failure::io("read", &to, &cause))
    }
}
