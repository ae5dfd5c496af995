//! What a guest says on its serial line.

use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Lines, each with the time since the machine was started.
#[derive(Clone, Debug, Default)]
pub struct Said(pub(super) Vec<(Duration, String)>);

impl Said {
    /// When a line that contains this was said first.
    #[must_use]
    pub fn when(&self, text: &str) -> Option<Duration> {
        self.0.iter().find(|(_, line)| line.contains(text)).map(|(time, _)| *time)
    }

    /// Whether a line contains this.
    #[must_use]
    pub fn has(&self, text: &str) -> bool {
        self.when(text).is_some()
    }
}

impl fmt::Display for Said {
    /// The last lines.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = self.0.len().saturating_sub(15);
        self.0[start..].iter().try_for_each(|(_, line)| writeln!(out, "    {line}"))
    }
}

/// Reads lines until the guest goes away, and keeps them in a file as they come, each with its second.
pub(super) fn lines(
    from: impl Read + Send + 'static,
    mut log: File,
    start: Instant,
) -> Receiver<(Duration, String)> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(from);
        let mut bytes = Vec::new();
        while reader.read_until(b'\n', &mut bytes).is_ok_and(|count| count > 0) {
            let (time, line) = (start.elapsed(), readable(&String::from_utf8_lossy(&bytes)));
            bytes.clear();
            // Without a place for the log the verdict still counts.
            let _ = writeln!(log, "{:8.3} {line}", time.as_secs_f64());
            if sender.send((time, line)).is_err() {
                return;
            }
        }
    });
    receiver
}

/// A line without what only a terminal understands.
fn readable(line: &str) -> String {
    let mut text = String::new();
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            // A control sequence ends with its first letter.
            '\u{1b}' => drop(letters.by_ref().find(char::is_ascii_alphabetic)),
            letter if letter.is_control() => {}
            letter => text.push(letter),
        }
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_sequences_are_left_out() {
        assert_eq!(readable("\u{1b}[2J\u{1b}[01;01H\u{1b}[=3hwaystone: x\r\n"), "waystone: x");
    }
}
