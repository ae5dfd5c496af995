//! Progress of long work: a bar on a terminal, sparse lines otherwise, always on standard error.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use crate::{ByteCount, Elapsed};

/// How many lines a piece of work prints, apart from its last one, where there is no terminal.
const LINES: u64 = 4;

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
    Lines,
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
            Shown::Lines
        };
        Self { label, total, done: AtomicU64::new(0), started: Instant::now(), shown }
    }

    /// Counts `bytes` more as done.
    pub fn add(&self, bytes: u64) {
        let before = self.done.fetch_add(bytes, Ordering::Relaxed);
        match &self.shown {
            Shown::Nothing => {}
            Shown::Bar(bar) => bar.inc(bytes),
            Shown::Lines => self.line(before, before.saturating_add(bytes)),
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

    /// Prints a line when a quarter of the work was passed.
    fn line(&self, before: u64, after: u64) {
        let step = self.total / LINES;
        if step > 0 && before / step != after / step && after < self.total {
            say(&format!("{}: {} of {}", self.label, ByteCount(after), ByteCount(self.total)));
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
