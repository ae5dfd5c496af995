//! One line a step: its number, what it does, what came of it, and how long it took.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use cli::Elapsed;

use crate::Result;

/// A row of steps with a known length.
#[derive(Debug)]
pub(crate) struct Steps {
    started: Instant,
    total: usize,
    done: Vec<(String, Duration)>,
}

impl Steps {
    /// Starts a row of `total` steps.
    pub(crate) fn new(total: usize) -> Self {
        Self { started: Instant::now(), total, done: Vec::new() }
    }

    /// Runs one step. The body gives a value and what to say of it.
    ///
    /// # Errors
    ///
    /// Gives back the error of the body; the line then ends with `failed`.
    pub(crate) fn step<T>(
        &mut self,
        what: &str,
        body: impl FnOnce() -> Result<(T, String)>,
    ) -> Result<T> {
        let number = self.done.len() + 1;
        say(&format!("[{number:2}/{}] {what} … ", self.total));
        let started = Instant::now();
        let result = body();
        let elapsed = started.elapsed();
        let said = result.as_ref().map_or("failed", |(_, said)| said.as_str());
        let gap = if said.is_empty() { "" } else { " " };
        say(&format!("{said}{gap}[{}]\n", Elapsed(elapsed)));
        self.done.push((what.to_owned(), elapsed));
        result.map(|(value, _)| value)
    }

    /// Runs one step that tells a line itself now and then; what came of it is on a line of its own.
    ///
    /// # Errors
    ///
    /// Gives back the error of the body; the last line then is `failed`.
    pub(crate) fn long_step<T>(
        &mut self,
        what: &str,
        body: impl FnOnce() -> Result<(T, String)>,
    ) -> Result<T> {
        self.step(what, || {
            say("\n");
            let result = body();
            say(&format!("{:8}", ""));
            result
        })
    }

    /// The time since the row began.
    pub(crate) fn elapsed(&self) -> Elapsed {
        Elapsed(self.started.elapsed())
    }

    /// How many steps have run.
    pub(crate) fn count(&self) -> usize {
        self.done.len()
    }
}

/// Writes text to standard output and shows it at once.
pub(crate) fn say(text: &str) {
    let mut out = io::stdout().lock();
    // A reader that has gone does not stop the work.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
