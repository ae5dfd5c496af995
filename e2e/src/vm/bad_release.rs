//! Releases that cannot start: kernel images that are bad from the beginning, and sets that were damaged after installation.

use gptprio::{SetId, Sets};

use super::case::{Case, Failure, ensure};
use super::expect::{are, bits, came_up, ended, is_up, never_says, says};
use super::host::Host;
use super::host_files::TRIES;
use super::release::Flavour;
use super::system::SystemBench;

/// What firmware and the selector look at first: where the PE headers are.
const PE_HEADERS: u64 = 0x3C;

/// Every case.
pub(super) const CASES: &[Case<SystemBench>] = &[
    Case {
        name: "kernel-panics",
        holds: "a release whose kernel panics is left after as many starts as it had tries",
        run: kernel_panics,
    },
    Case {
        name: "kernel-panics-over-http",
        holds: "the same, fetched and installed by the host itself; an update back to a good one follows",
        run: kernel_panics_over_http,
    },
    Case {
        name: "kernel-for-another-machine",
        holds: "a kernel image that firmware cannot load: the old set runs in the same start",
        run: kernel_for_another_machine,
    },
    Case {
        name: "kernel-truncated",
        holds: "a kernel image without its second half: the old set runs in the same start",
        run: kernel_truncated,
    },
    Case {
        name: "kernel-missing",
        holds: "an empty boot partition: the old set runs in each start, and is the first choice once the tries are spent",
        run: kernel_missing,
    },
    Case {
        name: "flipped-bit-root",
        holds: "a bit of the root that flipped after installation: never runs, the old set comes back",
        run: flipped_bit_root,
    },
    Case {
        name: "flipped-bit-tree",
        holds: "a bit of the hash tree that flipped after installation: the same",
        run: flipped_bit_tree,
    },
    Case {
        name: "flipped-bit-boot",
        holds: "a bit of the boot image that flipped after installation: never runs, the old set does in the same start",
        run: flipped_bit_boot,
    },
];

fn kernel_panics(bench: &SystemBench) -> Result<(), Failure> {
    let host = Host::new(bench)?;
    host.install("1.1.0", Flavour::Panics, fresh())?;
    fails_and_comes_back(&host, "Kernel panic - not syncing")?;
    are(host.disk.sets()?, bits(1, 0, true), bits(2, 0, false))
}

fn kernel_panics_over_http(bench: &SystemBench) -> Result<(), Failure> {
    let host = Host::with_releases(bench, &[("1.1.0", Flavour::Panics)])?;
    says(&host.boot(&["updog update --reboot"])?, "1.1.0 in set B boots next, restarting now")?;
    fails_and_comes_back(&host, "Kernel panic - not syncing")?;
    host.publish("1.2.0", Flavour::Good)?;
    ended(&host.boot(&["updog update"])?, "updog update", 0)?;
    is_up(&host.boot(&[])?, SetId::B, "1.2.0")
}

fn kernel_for_another_machine(bench: &SystemBench) -> Result<(), Failure> {
    falls_back_at_once(bench, "the firmware refuses", |host, start| {
        let headers = host.disk.number(start + PE_HEADERS)?;
        host.disk.write(start + headers + 4, &0xAA64_u16.to_le_bytes())?;
        // An image without a checksum reaches the firmware.
        host.disk.write(start + headers + 88, &[0; 4])
    })
}

fn kernel_truncated(bench: &SystemBench) -> Result<(), Failure> {
    falls_back_at_once(bench, "its boot partition cannot be started", |host, start| {
        let image = host.release("1.1.0", Flavour::Good)?.image("boot.img")?;
        let half = image.len() / 2;
        let place = u64::try_from(half).map_err(|_| Failure::new("too large"))?;
        host.disk.write(start + place, &vec![0; image.len() - half])
    })
}

fn kernel_missing(bench: &SystemBench) -> Result<(), Failure> {
    let host = Host::new(bench)?;
    host.install("1.1.0", Flavour::Good, fresh())?;
    host.disk.clear(host.disk.parts(SetId::B)?.boot)?;
    for left in (0..TRIES).rev() {
        let said = host.boot(&[])?;
        says(&said, "it is empty")?;
        came_up(&said, SetId::A, "1.0.0")?;
        are(host.disk.sets()?, bits(1, 0, true), bits(2, left, false))?;
    }
    let said = host.boot(&[])?;
    never_says(&said, "it is empty")?;
    is_up(&said, SetId::A, "1.0.0")
}

fn flipped_bit_root(bench: &SystemBench) -> Result<(), Failure> {
    let host = Host::new(bench)?;
    host.install("1.1.0", Flavour::Good, fresh())?;
    host.disk.flip(host.disk.payload(SetId::B, 400)? + 1000)?;
    fails_and_comes_back(&host, "dm-verity device corrupted")
}

fn flipped_bit_tree(bench: &SystemBench) -> Result<(), Failure> {
    let host = Host::new(bench)?;
    host.install("1.1.0", Flavour::Good, fresh())?;
    // Behind the superblock and the top is the leaf of the filesystem's first block.
    host.disk.flip(host.disk.parts(SetId::B)?.hash.start + 2 * 4096)?;
    fails_and_comes_back(&host, "dm-verity device corrupted")
}

fn flipped_bit_boot(bench: &SystemBench) -> Result<(), Failure> {
    falls_back_at_once(bench, "its boot partition cannot be started", |host, start| {
        host.disk.flip(start + (8 << 20) + 77)
    })
}

/// Bits as an installation leaves them on a host that runs set A from the factory.
fn fresh() -> (gptprio::BootBits, gptprio::BootBits) {
    (bits(1, 0, true), bits(2, TRIES, false))
}

/// Set B is started as often as it has tries, and each time the machine restarts without a verdict; then set A runs.
fn fails_and_comes_back(host: &Host<'_>, why: &str) -> Result<(), Failure> {
    for _ in 0..TRIES {
        let said = host.boot(&[])?;
        says(&said, "waystone: starting set B")?;
        says(&said, why)?;
        never_says(&said, "guest: verdict")?;
    }
    is_up(&host.boot(&[])?, SetId::A, "1.0.0")
}

/// Set B is damaged, and does not start; A does, in the same start of the machine.
fn falls_back_at_once(
    bench: &SystemBench,
    why: &str,
    damage: impl Fn(&Host<'_>, u64) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let host = Host::new(bench)?;
    host.install("1.1.0", Flavour::Good, fresh())?;
    damage(&host, host.disk.parts(SetId::B)?.boot.start)?;
    let said = host.boot(&[])?;
    is_tried(&said, why)?;
    came_up(&said, SetId::A, "1.0.0")?;
    let Sets { a, b } = host.disk.sets()?;
    let spent = a == bits(1, 0, true) && b == Some(bits(2, TRIES - 1, false));
    ensure(spent, || format!("the bits are {a:?} and {b:?}"))?;
    is_told(&host, why)
}

/// The next start looks at its health: set B is not started any more, and the status knows why.
fn is_told(host: &Host<'_>, why: &str) -> Result<(), Failure> {
    let said = host.boot(&["updog health", "updog status"])?;
    is_tried(&said, why)?;
    ended(&said, "updog health", 0)?;
    says(&said, "1.1.0 failed here and is not taken again: kernel image not loaded: ")?;
    let said = host.boot(&[])?;
    never_says(&said, "waystone: starting set B")?;
    is_up(&said, SetId::A, "1.0.0")
}

/// The selector chose set B, and says why it does not start.
fn is_tried(said: &super::console::Said, why: &str) -> Result<(), Failure> {
    says(said, "waystone: starting set B")?;
    says(said, "set B did not start")?;
    says(said, why)
}
