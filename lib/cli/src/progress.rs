//! Progress of long work: a bar on a terminal, sparse lines otherwise, always on standard error.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::{ByteCount, Elapsed};

/// How long nothing is said where there is no terminal.
const PAUSE: Duration = Duration::from_secs(5);

/// Progress over a known number of bytes. Shared by reference between threads.
#[derive(Debug)]
pub struct Progress {
    label: String,
    total: u64,
    done: AtomicU64,
    started: Instant,
    shown: Shown,
}

#[derive(Debug)]
enum Shown {
    Nothing,
    Bar(ProgressBar),
    /// How many pauses have passed and were used for a line.
    Lines(AtomicU32),
}

impl Progress {
    /// Starts to show `label` over `total` bytes, unless `quiet`.
    pub fn new(label: impl Into<String>, total: u64, quiet: bool) -> Self {
        let label = label.into();
        let shown = if quiet {
            Shown::Nothing
        } else if io::stderr().is_terminal() {
            Shown::Bar(bar(&label, total))
        } else {
            Shown::Lines(AtomicU32::new(0))
        };
        Self { label, total, done: AtomicU64::new(0), started: Instant::now(), shown }
    }

    /// Counts `bytes` more as done.
    pub fn add(&self, bytes: u64) {
        let before = self.done.fetch_add(bytes, Ordering::Relaxed);
        match &self.shown {
            Shown::Nothing => {}
            Shown::Bar(bar) => bar.inc(bytes),
            Shown::Lines(used) => self.line(used, before.saturating_add(bytes)),
        }
    }

    /// Ends the display with one line that says how much was done in which time.
    pub fn finish(self) {
        if let Shown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
        if !matches!(self.shown, Shown::Nothing) {
            let done = ByteCount(self.done.load(Ordering::Relaxed));
            say(&format!("{}: {done} in {}", self.label, Elapsed(self.started.elapsed())));
        }
    }

    /// Prints a line if the pause since the last one is over.
    fn line(&self, used: &AtomicU32, done: u64) {
        let pauses = self.started.elapsed().as_secs() / PAUSE.as_secs();
        let pauses = u32::try_from(pauses).unwrap_or(u32::MAX);
        // Of several threads that see the pause end, one gets to speak.
        if used.fetch_max(pauses, Ordering::Relaxed) < pauses && done < self.total {
            say(&format!("{}: {} of {}", self.label, ByteCount(done), ByteCount(self.total)));
        }
    }
}

fn bar(label: &str, total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template(
        "{msg} [{bar:30}] {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta}",
    )
    .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total).with_style(style.progress_chars("=> ")).with_message(label.to_owned())
}

fn say(text: &str) {
    // Progress is a courtesy: a closed standard error must not end the work.
    let _ = writeln!(io::stderr().lock(), "{text}");
}
