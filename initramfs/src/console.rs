//! What a person sees.
//!
//! Everything is said to the kernel's log, which reaches every console and is kept for whoever looks into it later.

use std::fs::OpenOptions;
use std::io::Write;

/// How important a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The machine restarts. Shown even where the kernel is told to be quiet.
    Critical,
    /// Something that may be missed later.
    Warning,
    /// What was done.
    Notice,
}

/// The longest text that the kernel takes as one line, with some room for what it puts before it.
const LINE_MAX: usize = 900;

/// Says one line. Where that does not work there is nobody to tell.
pub fn say(level: Level, text: &str) {
    let line = line(text);
    let log = OpenOptions::new().write(true).open("/dev/kmsg");
    let said =
        log.and_then(|mut log| log.write_all(format!("{}{line}\n", level.prefix()).as_bytes()));
    if said.is_err() {
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}

impl Level {
    fn prefix(self) -> &'static str {
        match self {
            Self::Critical => "<2>",
            Self::Warning => "<4>",
            Self::Notice => "<5>",
        }
    }
}

/// The text as one line, cut where the kernel would cut it.
fn line(text: &str) -> String {
    let mut line = String::from("waystone: ");
    for char in text.chars() {
        if line.len() + char.len_utf8() > LINE_MAX {
            break;
        }
        line.push(if char.is_control() { ' ' } else { char });
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_said_is_one_line() {
        assert_eq!(line("a\nb\x1b[2J"), "waystone: a b [2J");
        let long = line(&"\u{e4}".repeat(1000));
        assert!(long.len() <= LINE_MAX && long.len() > LINE_MAX - 4);
    }
}
