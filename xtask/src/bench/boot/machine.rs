//! The machine whose clock counts instructions.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::Result;
use crate::command::Run;
use crate::error::Error;

/// The firmware and its variables, from Debian's package `ovmf`.
const FIRMWARE: &str = "/usr/share/OVMF/OVMF_CODE_4M.fd";
const VARIABLES: &str = "/usr/share/OVMF/OVMF_VARS_4M.fd";

/// One processor, for which an instruction takes four nanoseconds; a clock that stands still for nobody.
const MACHINE: &str = "-nodefaults -machine q35 -accel tcg,thread=single -icount shift=2,sleep=off -m 512 \
                       -display none -serial stdio -no-reboot";

/// Longer than it takes on a busy computer, in seconds.
const PATIENCE: &str = "600";

/// What the program says that measures, before the number of nanoseconds.
const MARK: &str = "stopwatch: ";

/// Boots from a disk, and gives the time that was measured in the machine.
pub(super) fn boot(folder: &Path, disk: &Path) -> Result<Duration> {
    let variables = folder.join("variables.fd");
    fs::copy(VARIABLES, &variables).map_err(Error::file("copy to", &variables))?;
    let flash = |unit: u8, file: &str| format!("if=pflash,format=raw,unit={unit},file={file}");
    let drive = format!("if=none,id=disk,format=raw,cache=unsafe,file={}", disk.display());
    let run = Run::new("timeout").args([PATIENCE, "qemu-system-x86_64"]);
    let run = run.args(MACHINE.split_whitespace());
    let run = run.args(["-drive", &format!("{},readonly=on", flash(0, FIRMWARE))]);
    let run = run.args(["-drive", &flash(1, &variables.to_string_lossy())]);
    let said = run.args(["-drive", &drive, "-device", "virtio-blk-pci,drive=disk"]).run()?.stdout;
    ticks(&said).map(Duration::from_nanos).ok_or_else(|| {
        let start = said.len().saturating_sub(2000);
        Error::Untrue(format!(
            "the machine told no time: {}",
            said.get(start..).unwrap_or_default()
        ))
    })
}

/// The number of ticks in what was said; this machine's processor clock has one each nanosecond.
fn ticks(said: &str) -> Option<u64> {
    let (_, rest) = said.split_once(MARK)?;
    rest.split_once(" ticks")?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_found_among_what_firmware_says() {
        assert_eq!(ticks("BdsDxe: starting\r\nstopwatch: 123 ticks\r\n"), Some(123));
        assert_eq!(ticks("BdsDxe: starting\r\nstopwatch: NOT_FOUND\r\n"), None);
        assert_eq!(ticks(""), None);
    }
}
