//! Why a start came to nothing, in words that do not change.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest detail that is kept, in bytes.
const MAX_DETAIL: usize = 1024;

/// The longest cause that is kept, in bytes.
const MAX_CAUSE: usize = 256;

/// The words of causes that are asked for.
const TIME_OUT: &str = "time-out";
const CANNOT_MARK: &str = "cannot mark: ";
const PANIC: &str = "kernel panic: ";
const CANNOT_BOOT: &str = "initramfs: cannot boot: ";

/// A cause: a few fixed words, and a name or a clause where there is one. A text, so that a ledger that a newer version has
/// written into can be read by an older one after a rollback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cause(String);

/// A cause with what else is known: the last lines of a check, the exit status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The cause.
    pub cause: Cause,
    /// More about it, lines for people.
    pub detail: Option<String>,
}

impl Cause {
    /// A check said no, or could not be asked.
    pub fn check(name: &str) -> Self {
        Self::of("health check ", name)
    }

    /// A unit of systemd is not active.
    pub fn unit(name: &str) -> Self {
        Self::of("unit ", name)
    }

    /// The checks began and never ended: the watchdog, a panic that left no record, or the power.
    pub fn time_out() -> Self {
        Self::of(TIME_OUT, "")
    }

    /// The boot selector could not start the kernel image.
    pub fn kernel_image(why: &str) -> Self {
        Self::of("kernel image not loaded: ", why)
    }

    /// The set on the disk is not what was written there.
    pub fn corruption(what: &str) -> Self {
        Self::of("corruption: ", what)
    }

    /// The health of the boot could not be looked at.
    pub fn could_not_run(why: &str) -> Self {
        Self::of("health could not run: ", why)
    }

    /// The checks passed, and the disk could not be told so.
    pub fn cannot_mark(why: &str) -> Self {
        Self::of(CANNOT_MARK, why)
    }

    /// The set could not be compared with what was written there.
    pub fn not_read_back() -> Self {
        Self::of("set not read back", "")
    }

    /// The kernel left a record of its panic.
    pub fn panic(line: &str) -> Self {
        Self::of(PANIC, line)
    }

    /// The first program left word why it could not start the system.
    pub fn cannot_boot(why: &str) -> Self {
        Self::of(CANNOT_BOOT, why)
    }

    /// The kernel's watchdog ended it, and the kernel left a record.
    pub fn hung() -> Self {
        Self::of(TIME_OUT, ": hung before its health was looked at")
    }

    /// Nothing was heard of it.
    pub fn never_reached_userland() -> Self {
        Self::of("never reached userland", "")
    }

    /// Whether it is no fault that the checks have found.
    pub(super) fn is_cannot_mark(&self) -> bool {
        self.0.starts_with(CANNOT_MARK)
    }

    /// The same of a start whose checks had begun.
    pub(super) fn while_checking(self) -> Self {
        if self == Self::hung() { Self::time_out() } else { self }
    }

    /// Whether it says how the boot ended and not why, so that a look at the set may show more.
    pub(super) fn may_be_corruption(&self) -> bool {
        [TIME_OUT, PANIC, CANNOT_BOOT].iter().any(|words| self.0.starts_with(words))
    }

    fn of(words: &str, rest: &str) -> Self {
        Self(in_one_line(&format!("{words}{rest}"), MAX_CAUSE))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Finding {
    /// A cause without more.
    pub fn plain(cause: Cause) -> Self {
        Self { cause, detail: None }
    }

    /// A cause with the end of what there is to say about it.
    pub fn with(cause: Cause, detail: &str) -> Self {
        let detail = detail.trim_end();
        let from = detail.len().saturating_sub(MAX_DETAIL);
        let from = (from..=detail.len()).find(|place| detail.is_char_boundary(*place));
        let detail = from.and_then(|from| detail.get(from..)).unwrap_or_default();
        let plain = |char: char| if char.is_control() && char != '\n' { ' ' } else { char };
        let detail: String = detail.chars().map(plain).collect();
        Self { cause, detail: Some(detail).filter(|detail| !detail.is_empty()) }
    }
}

/// The beginning of a text of anybody's, no longer than so many bytes, without what moves a cursor.
pub fn in_one_line(text: &str, length: usize) -> String {
    cut(text, length).replace(char::is_control, " ")
}

/// The beginning of a text, no longer than so many bytes.
fn cut(text: &str, length: usize) -> &str {
    let end = (0..=length.min(text.len())).rev().find(|place| text.is_char_boundary(*place));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

impl fmt::Display for Cause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(out)?;
        let last = self.detail.as_deref().and_then(|detail| detail.lines().next_back());
        last.map_or(Ok(()), |last| write!(out, " ({last})"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_one_line_and_not_endless() {
        let cause = Cause::kernel_image(&"\u{e4}\n".repeat(1000));
        assert!(cause.as_str().len() <= MAX_CAUSE && !cause.as_str().contains('\n'));
        assert!(cause.as_str().starts_with("kernel image not loaded: "));
    }

    #[test]
    fn of_a_long_detail_the_end_is_kept() {
        let text = format!("{}\u{e4}the end\x1b[2J\n", "\u{e4}".repeat(2000));
        let finding = Finding::with(Cause::check("10-net"), &text);
        let detail = finding.detail.unwrap();
        assert!(detail.len() <= MAX_DETAIL && detail.ends_with("the end [2J"), "{detail}");
        assert_eq!(Finding::with(Cause::time_out(), " \n").detail, None);
    }
}
