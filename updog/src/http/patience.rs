//! How often a download is tried again, and after which pause.
//!
//! Progress gives new tries. Where several requests belong to one download, one outage makes all of them fail: so many failures count as one.

use std::fmt;
use std::time::Duration;

use super::Client;

/// Less new bytes than this do not count as progress: a server cannot have a host come back for ever.
const STEP: u64 = 64 << 10;

/// Nor do less than this share of the whole, so that the number of requests is bounded, too.
const STEPS: u64 = 1000;

/// Pauses, each longer than the one before.
type Pauses = Box<dyn Iterator<Item = Duration> + Send>;

/// The tries of one download.
pub(crate) struct Patience {
    all: Box<dyn Fn() -> Pauses + Send>,
    left: Pauses,
    pause: Option<Duration>,
    /// Requests that are under way at a time.
    at_once: usize,
    /// Bytes that count as progress.
    step: u64,
    received: u64,
    /// What was received when the failures began to count.
    mark: u64,
    /// Of the outage that counts now.
    failures: usize,
}

impl Patience {
    /// With a download of `length` bytes, by up to `at_once` requests at a time.
    pub(crate) fn new(client: &Client, length: u64, at_once: usize) -> Self {
        let client = client.clone();
        let all = move || -> Pauses { Box::new(client.pauses()) };
        Self::of(Box::new(all), STEP.max(length / STEPS), at_once.max(1))
    }

    fn of(all: Box<dyn Fn() -> Pauses + Send>, step: u64, at_once: usize) -> Self {
        let left = all();
        Self { all, left, pause: None, at_once, step, received: 0, mark: 0, failures: 0 }
    }

    /// Counts bytes that were not there yet.
    pub(crate) fn received(&mut self, bytes: u64) {
        self.received = self.received.saturating_add(bytes);
    }

    /// After a failure: the pause before the next try, or none if there is none left without progress.
    pub(crate) fn pause(&mut self) -> Option<Duration> {
        if self.received - self.mark >= self.step {
            (self.mark, self.failures) = (self.received, 0);
            self.left = (self.all)();
        }
        if self.failures == 0 {
            self.pause = self.left.next();
        }
        self.failures = (self.failures + 1) % self.at_once;
        self.pause
    }
}

impl fmt::Debug for Patience {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Patience").field("pause", &self.pause).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patience(at_once: usize) -> Patience {
        let all = || -> Pauses { Box::new([1, 2].map(Duration::from_secs).into_iter()) };
        Patience::of(Box::new(all), STEP, at_once)
    }

    fn seconds(patience: &mut Patience) -> Vec<u64> {
        std::iter::from_fn(|| patience.pause()).map(|pause| pause.as_secs()).collect()
    }

    #[test]
    fn without_progress_the_tries_are_used_up() {
        assert_eq!(seconds(&mut patience(1)), [1, 2]);
    }

    #[test]
    fn progress_gives_new_tries_and_a_few_bytes_are_none() {
        let mut patience = patience(1);
        assert_eq!(seconds(&mut patience), [1, 2]);
        patience.received(STEP - 1);
        assert_eq!(seconds(&mut patience), [0; 0]);
        patience.received(1);
        assert_eq!(seconds(&mut patience), [1, 2]);
    }

    #[test]
    fn an_outage_of_requests_at_the_same_time_counts_once() {
        assert_eq!(seconds(&mut patience(3)), [1, 1, 1, 2, 2, 2]);
    }
}
