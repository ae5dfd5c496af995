//! The machine, a boot at a time: what it is ordered to do, what it says, and whether that is what was expected.

use std::path::Path;
use std::time::Duration;

use cli::Elapsed;
use e2e::vm::{End, Machine, Said};

use crate::Result;
use crate::error::Error;
use crate::steps::say;

/// Memory of the machine, in MiB.
const MEMORY: u32 = 1024;

/// Four times what the longest boot takes on a quiet computer, an installation within it.
const PATIENCE: Duration = Duration::from_secs(6 * 60);

/// What begins the lines of those who tell something: the boot selector and the first program, the programs of the host, and
/// the demo's own unit in the guest.
const SPEAKERS: [&str; 4] = ["waystone: ", "updog", "migrator", "demo: "];

/// What the guest says when an order failed.
const STOPPED: &str = "demo: stopped";

/// How long nothing is shown before a sign of life is.
const PAUSE: Duration = Duration::from_secs(15);

/// A machine with a disk and a server.
#[derive(Debug)]
pub(super) struct Guest(Machine);

/// One boot.
#[derive(Debug)]
pub(super) struct Boot<'a> {
    /// Its name, and that of the file in which its console is kept.
    pub(super) name: &'a str,
    /// What a shell in the guest carries out, a line each.
    pub(super) orders: &'a [&'a str],
    /// What has to be said, in this order.
    pub(super) expected: Vec<String>,
}

impl Guest {
    /// A machine whose consoles are kept in a folder.
    pub(super) fn new(folder: &Path, disk: &Path, server: u16) -> Self {
        let machine = Machine::new(folder, disk).memory(MEMORY).network(server);
        Self(machine.patience(PATIENCE).with(&["-smp", "2"]))
    }

    /// Starts it, shows what matters of what it says, and waits until it restarts or switches itself off.
    ///
    /// # Errors
    ///
    /// Fails when it does not, or when something was not said that was expected.
    pub(super) fn boot(&self, boot: &Boot<'_>) -> Result<Said> {
        let machine = self.0.clone().order("orders", &boot.orders.join("\n"));
        let mut ear = Ear { expected: &boot.expected, ..Ear::default() };
        let followed = machine.follow(boot.name, &mut |time, line| ear.hear(time, line));
        let (said, end) = followed.map_err(|failure| Error::Untrue(failure.to_string()))?;
        ear.judge(end).map(|()| said.clone()).map_err(|problem| {
            let console = machine.console(boot.name);
            let errors = machine.errors();
            Error::Untrue(format!(
                "{problem}; everything it said is in {}:\n{said}{errors}",
                console.display()
            ))
        })
    }
}

/// Hears what a boot says.
#[derive(Debug, Default)]
struct Ear<'a> {
    /// What has not been heard yet.
    expected: &'a [String],
    last_line: String,
    last_shown: Duration,
    stopped: bool,
}

impl Ear<'_> {
    /// Takes a line, or nothing after a silence; says whether that is enough.
    fn hear(&mut self, time: Duration, line: Option<&str>) -> bool {
        if let Some(line) = line {
            line.clone_into(&mut self.last_line);
        }
        let heard = line.map(spoken);
        if let [next, rest @ ..] = self.expected
            && heard.is_some_and(|line| line.contains(next))
        {
            self.expected = rest;
            self.show(time, heard.unwrap_or_default());
        } else if let Some(line) = heard.filter(|line| is_telling(line)) {
            self.show(time, line);
        } else if time > self.last_shown + PAUSE {
            let last = format!("… {}", spoken(&self.last_line));
            self.show(time, &last);
        }
        self.stopped |= line.is_some_and(|line| line.contains(STOPPED));
        self.stopped
    }

    fn show(&mut self, time: Duration, line: &str) {
        self.last_shown = time;
        if let Some(text) = readable(line) {
            say(&format!("{:>16}  {text}\n", Elapsed(time).to_string()));
        }
    }

    fn judge(&self, end: End) -> std::result::Result<(), String> {
        let missing = self.expected.first();
        match (end, missing) {
            _ if self.stopped => Err("a command failed in the machine".to_owned()),
            (End::Itself, None) => Ok(()),
            (End::Itself, Some(text)) => Err(format!("the machine ended without saying '{text}'")),
            (_, Some(text)) => {
                Err(format!("the machine did not say '{text}' within {}", Elapsed(PATIENCE)))
            }
            (_, None) => Err(format!("the machine did not end within {}", Elapsed(PATIENCE))),
        }
    }
}

fn is_telling(line: &str) -> bool {
    SPEAKERS.iter().any(|speaker| line.starts_with(speaker))
}

/// A line without the time that the kernel puts before it, and without what systemd was about to overwrite.
fn spoken(line: &str) -> &str {
    let line = line.find("demo: ").map_or(line, |place| &line[place..]).trim_start();
    let rest = line.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    rest.filter(|(time, _)| time.trim().parse::<f64>().is_ok()).map_or(line, |(_, rest)| rest)
}

/// A line as it is shown: what was typed in the guest, and what came of it.
fn readable(line: &str) -> Option<String> {
    let Some(text) = line.strip_prefix("demo: ") else { return Some(line.to_owned()) };
    match text.strip_prefix("| ") {
        Some(output) => Some(format!("  {output}")),
        None if text == "[0]" => None,
        None => Some(text.replacen("$ ", "guest$ ", 1)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn ear_after<'a>(expected: &'a [String], lines: &[&str]) -> Ear<'a> {
        let mut ear = Ear { expected, ..Ear::default() };
        for line in lines {
            ear.hear(Duration::ZERO, Some(line));
        }
        ear
    }

    fn texts<const N: usize>(texts: [&str; N]) -> [String; N] {
        texts.map(str::to_owned)
    }

    #[test]
    fn only_what_was_said_in_the_expected_order_counts() {
        let expected = texts(["starting set B", "is good"]);
        let whole = ear_after(&expected, &["waystone: starting set B: why", "[  1.5] x is good"]);
        assert_eq!(whole.judge(End::Itself), Ok(()));
        let other_way_round = ear_after(&expected, &["is good", "starting set B"]);
        assert!(other_way_round.judge(End::Itself).unwrap_err().contains("is good"));
    }

    #[test]
    fn silence_and_a_machine_that_goes_on_for_ever_are_failures() {
        let expected = texts(["is good"]);
        assert!(ear_after(&expected, &[]).judge(End::Itself).is_err());
        assert!(ear_after(&expected, &["is good"]).judge(End::Time).is_err());
    }

    #[test]
    fn a_command_that_failed_in_the_guest_ends_the_boot() {
        let mut ear = Ear::default();
        assert!(!ear.hear(Duration::ZERO, Some("demo: [3]")));
        assert!(ear.hear(Duration::ZERO, Some("demo: stopped")));
        assert!(ear.judge(End::Enough).is_err());
    }

    #[test]
    fn lines_are_shown_without_what_is_around_them() {
        assert_eq!(spoken("[   28.570433] updog[172]: x"), "updog[172]: x");
        assert_eq!(spoken("[  OK  ] Started x"), "[  OK  ] Started x");
        assert_eq!(spoken("[ ***  ] Job x   demo: $ y"), "demo: $ y");
        assert_eq!(readable("demo: $ updog status").unwrap(), "guest$ updog status");
        assert_eq!(readable("demo: |   set A").unwrap(), "    set A");
        assert_eq!(readable("demo: [0]"), None);
    }
}
