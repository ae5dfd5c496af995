//! Starting a kernel image, against systemd-boot.
//!
//! Both loaders run in the same machine, from disks that differ in one file: the loader. A program of ours notes the time and starts
//! the loader; the same program lies in front of the image that the loader starts, and tells how much time went by. So what is measured goes from
//! the loader's first instruction to the image's. Ours reads the image from the boot partition, theirs from the EFI system partition, and its time
//! has in it what it waits for a key even when it is told to show no menu.
//!
//! The clock is that of the machine, which counts instructions (QEMU's `-icount`): what else this computer does slows the bench down, and does
//! not change what it tells, but for how often firmware asks a disk that the computer is slow to answer for.

mod machine;
mod release;

use std::path::Path;
use std::time::Duration;

use cli::ByteCount;

use super::measure::{self, Bar, Missed, show_bars};
use crate::command::{Run, build_programs};
use crate::packages::Need;
use crate::steps::say;
use crate::{Result, place, selector, setup};

/// systemd's loader, from Debian's package `systemd-boot-efi`.
const THEIRS: &str = "/usr/lib/systemd/boot/efi/systemd-bootx64.efi";

/// The most of systemd-boot's time that ours may take.
const TIME: f64 = 1.0;

/// The most bytes of the selector.
const SELECTOR: ByteCount = ByteCount(128 << 10);

/// The most bytes of the initial RAM filesystem without modules.
const INITRAMFS: ByteCount = ByteCount(1 << 20);

/// Measures, and tells the sizes of what has to be read at each start.
pub(super) fn run(rounds: u32) -> Result<Missed> {
    setup::install_packages(&[Need::Always, Need::Machine])?;
    selector::build()?;
    build_programs(&["image-builder", "signpost"])?;
    Run::cargo().args(["initramfs", "--locked"]).run()?;
    let folder = place::target().join("bench/boot");
    place::remove_folder(&folder)?;
    let release = release::make(&folder)?;
    let ours = release.disk("ours.img", &selector::program())?;
    let theirs = release.disk("theirs.img", Path::new(THEIRS))?;
    let (mut mine, mut others) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        release.arm(&ours)?;
        mine.push(machine::boot(&folder, &ours)?);
        others.push(machine::boot(&folder, &theirs)?);
    }
    show(&mut mine, &mut others, &release)
}

fn show(
    ours: &mut [Duration],
    theirs: &mut [Duration],
    release: &release::Release,
) -> Result<Missed> {
    let image = ByteCount(place::length(&release.image)?);
    say(&format!("\nboot: from a loader's first instruction to that of an image of {image}\n"));
    say(&format!("  {} rounds in turns, at 250 million instructions a second\n\n", ours.len()));
    say(&format!("  {:<16}{:>13}{:>13}{:>13}\n", "", "min", "median", "max"));
    let (ours, theirs) = (row("boot-selector", ours), row("systemd-boot", theirs));
    let selector = ByteCount(place::length(&selector::program())?);
    let initramfs = ByteCount(place::length(&release.initramfs)?);
    say("\n");
    let bars = [
        ratio("time, of systemd-boot's", ours, theirs),
        measure::bytes("selector", selector, SELECTOR),
        measure::bytes("initramfs, no modules", initramfs, INITRAMFS),
    ];
    let missed = show_bars("boot", &bars);
    say(&format!(
        "  {:<34}{:>12}\n",
        "systemd-boot",
        ByteCount(place::length(Path::new(THEIRS))?).to_string()
    ));
    Ok(missed)
}

/// Shows one side; gives its median.
fn row(name: &str, times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    let at = |place: usize| times.get(place).copied().unwrap_or_default();
    let (min, median, max) = (at(0), at(times.len() / 2), at(times.len().saturating_sub(1)));
    let text = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1000.0);
    say(&format!("  {name:<16}{:>13}{:>13}{:>13}\n", text(min), text(median), text(max)));
    median
}

fn ratio(what: &str, ours: Duration, theirs: Duration) -> Bar {
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    Bar::new(what, &format!("{ratio:.2}"), &format!("at most {TIME:.1}"), ratio <= TIME)
}
