//! What the kernel left of its last words, and which of it is known already.
//!
//! A record is new if it is not known, whatever time it bears: the clock of the boot that panicked may have been wrong. systemd moves records to
//! another folder and joins their parts to one more file, so that a record is known by what it says: the line of the panic with the kernel's own
//! time in it. A part that the kernel named keeps its name when it is moved, and is known by that and the line: the same panic at the same microsecond
//! of another boot is another one.

use chrono::{DateTime, Utc};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::{Cause, Finding};

/// How many marks of known records are kept. Two belong to a record.
const MAX_KNOWN: usize = 512;

/// What the kernel says when it panics, before the reason.
const PANIC: &str = "Kernel panic - not syncing: ";

/// What the first program says before it has the kernel panic.
const CANNOT_BOOT: &str = "waystone: cannot boot: ";

/// How the kernel repeats the panic at the end of its words.
const END: &str = "---[ end";

/// What the kernel's own watchdog says as the reason for its panic.
const SOFT_WATCHDOG: &str = "Software Watchdog Timer expired";

/// What systemd calls the file to which it joins the parts of a record.
const JOINED: &str = "dmesg.txt";

/// A record of a panic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PanicRecord {
    /// When it was written, by the clock of whoever wrote it.
    pub time: DateTime<Utc>,
    /// Whether the first program says in it why it could not start the system.
    pub says_why: bool,
    /// What it says.
    pub finding: Finding,
    marks: Marks,
}

/// By what a record is known.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Marks {
    line: String,
    /// `None` for a file that was joined from others.
    named_line: Option<String>,
}

/// The records that were seen, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KnownRecords(Vec<String>);

impl PanicRecord {
    /// Reads the text of a file of this name; `None` if no panic is recorded in it.
    pub fn read(name: &str, time: DateTime<Utc>, text: &str) -> Option<Self> {
        let after = |words: &str| {
            let said = |line| Some((line, str::split_once(line, words)?.1.trim()));
            text.lines().rev().filter(|line| !line.contains(END)).find_map(said)
        };
        let why = after(CANNOT_BOOT);
        let (line, cause) = match (why, after(PANIC)) {
            (Some((line, why)), _) => (line, Cause::cannot_boot(why)),
            (None, Some((line, reason))) if reason.contains(SOFT_WATCHDOG) => (line, Cause::hung()),
            (None, Some((line, reason))) => (line, Cause::panic(reason)),
            (None, None) => return None,
        };
        let finding = Finding::with(cause, text);
        Some(Self { time, says_why: why.is_some(), finding, marks: Marks::of(name, line) })
    }
}

impl Marks {
    fn of(name: &str, line: &str) -> Self {
        let line = line.trim();
        let named_line = (name != JOINED).then(|| mark(&format!("{name}\n{line}")));
        Self { line: mark(line), named_line }
    }

    /// The one that tells.
    fn telling(&self) -> &String {
        self.named_line.as_ref().unwrap_or(&self.line)
    }
}

/// Enough of the digest to tell a few hundred records apart.
fn mark(text: &str) -> String {
    let digest = digest(&SHA256, text.as_bytes());
    digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

impl KnownRecords {
    /// Whether it was seen before.
    pub(super) fn knows(&self, record: &PanicRecord) -> bool {
        self.0.contains(record.marks.telling())
    }

    /// Remembers records. What is forgotten for them, if there are too many, is what was seen the longest time ago.
    pub(super) fn learn(&mut self, records: &[PanicRecord]) {
        for marks in records.iter().map(|record| &record.marks) {
            for mark in marks.named_line.iter().chain([&marks.line]) {
                self.0.retain(|known| known != mark);
                self.0.push(mark.clone());
            }
        }
        self.0.drain(..self.0.len().saturating_sub(MAX_KNOWN));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn record(name: &str, text: &str) -> PanicRecord {
        PanicRecord::read(name, DateTime::UNIX_EPOCH, text).unwrap()
    }

    fn cause(text: &str) -> String {
        record("dmesg-efi-1", text).finding.cause.as_str().to_owned()
    }

    #[test]
    fn the_reason_is_the_panics_last_and_not_its_echo() {
        let text = "<0>[ 1.0] Kernel panic - not syncing: Oops\n<4>more\n\
                    <0>[ 1.1] ---[ end Kernel panic - not syncing: Oops ]---\n";
        assert_eq!(cause(text), "kernel panic: Oops");
        assert_eq!(PanicRecord::read("dmesg-efi-1", DateTime::UNIX_EPOCH, "Oops#1\n"), None);
    }

    #[test]
    fn what_the_first_program_says_is_more_than_that_it_died() {
        let text = "<3>[ 1.0] waystone: cannot boot: no partition with the hash tree\n\
                    <0>[ 1.1] Kernel panic - not syncing: Attempted to kill init! exitcode=0x100\n";
        assert_eq!(cause(text), "initramfs: cannot boot: no partition with the hash tree");
        assert!(record("dmesg-efi-1", text).says_why);
    }

    #[test]
    fn a_panic_of_the_kernels_watchdog_is_a_time_out() {
        let text = "Kernel panic - not syncing: softdog: Software Watchdog Timer expired";
        assert_eq!(cause(text), "time-out: hung before its health was looked at");
    }

    #[test]
    fn a_record_is_known_wherever_it_is_moved_and_however_it_is_joined() {
        let line = "<0>[ 1.1] Kernel panic - not syncing: x";
        let mut known = KnownRecords::default();
        known.learn(&[record("dmesg-efi-1", line)]);
        assert!(known.knows(&record("dmesg-efi-1", line)));
        assert!(known.knows(&record("dmesg.txt", &format!("joined\n{line}\nmore"))));
        assert!(!known.knows(&record("dmesg-efi-2", line)), "another boot, the same words");
        assert!(!known.knows(&record("dmesg.txt", &line.replace("1.1", "1.2"))));
        assert!(!known.knows(&record("dmesg-efi-1", &line.replace("1.1", "1.2"))), "a name again");
    }

    #[test]
    fn what_was_seen_last_is_the_last_to_be_forgotten() {
        let numbered = |number| record(&format!("dmesg-efi-{number}"), &format!("{PANIC}{number}"));
        let mut known = KnownRecords::default();
        for number in 0..1000 {
            known.learn(&[numbered(0), numbered(number)]);
        }
        assert!(known.0.len() <= MAX_KNOWN);
        assert!(known.knows(&numbered(0)) && known.knows(&numbered(999)));
        assert!(!known.knows(&numbered(1)));
    }
}
