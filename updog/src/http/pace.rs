//! The least rate at which a body may come. Pure: whoever waits says how long.
//!
//! Only time spent waiting for the network counts. A disk that is slow to take the bytes is not the server's fault,
//! and the bytes that wait in the host's buffers meanwhile are counted when they are taken, with no time at all.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a body has to keep up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Bytes a second; 0 is no limit.
    pub bytes_per_second: u64,
    /// The waiting over which it is measured; a server that is silent for so long is not waited for any more.
    pub window: Duration,
}

/// The measurement of one body: window after window.
#[derive(Debug)]
pub(crate) struct Pace {
    least: Rate,
    waited: Duration,
    bytes: u64,
}

/// The measurement of what waits for the same server at the same time: time that is waited together counts once.
#[derive(Clone, Debug)]
pub(crate) struct Together {
    least: Rate,
    waits: Arc<Mutex<Waits>>,
}

#[derive(Debug)]
struct Waits {
    pace: Pace,
    /// How many wait.
    count: usize,
    /// Until when the waiting is noted.
    noted: Instant,
}

/// A body that did not keep up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooSlow {
    /// Bytes that came.
    pub(crate) bytes: u64,
    /// How long they were waited for.
    pub(crate) waited: Duration,
}

impl Pace {
    pub(crate) fn new(least: Rate) -> Self {
        Self { least, waited: Duration::ZERO, bytes: 0 }
    }

    /// Notes that `bytes` came after `waited`; at the end of each window they are compared with the rate.
    pub(crate) fn note(&mut self, waited: Duration, bytes: u64) -> Result<(), TooSlow> {
        self.waited = self.waited.saturating_add(waited);
        self.bytes = self.bytes.saturating_add(bytes);
        if self.waited < self.least.window {
            return Ok(());
        }
        let window = TooSlow { bytes: self.bytes, waited: self.waited };
        *self = Self::new(self.least);
        if self.least.is_kept_by(window) { Ok(()) } else { Err(window) }
    }
}

impl Together {
    pub(crate) fn new(least: Rate) -> Self {
        let waits = Waits { pace: Pace::new(least), count: 0, noted: Instant::now() };
        Self { least, waits: Arc::new(Mutex::new(waits)) }
    }

    /// What has to be kept up with.
    pub(crate) fn least(&self) -> Rate {
        self.least
    }

    /// One begins to wait.
    pub(crate) fn begin(&self, now: Instant) {
        let mut waits = self.lock();
        if waits.count == 0 {
            waits.noted = now;
        }
        waits.count += 1;
    }

    /// One has waited, and these bytes came.
    pub(crate) fn end(&self, now: Instant, bytes: u64) -> Result<(), TooSlow> {
        let mut waits = self.lock();
        let waited = now.saturating_duration_since(waits.noted);
        (waits.noted, waits.count) = (now, waits.count.saturating_sub(1));
        waits.pace.note(waited, bytes)
    }

    fn lock(&self) -> MutexGuard<'_, Waits> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rate {
    fn is_kept_by(self, window: TooSlow) -> bool {
        let thousandths = u128::from(window.bytes).saturating_mul(1000);
        thousandths >= u128::from(self.bytes_per_second).saturating_mul(window.waited.as_millis())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const LEAST: Rate = Rate { bytes_per_second: 1024, window: Duration::from_secs(30) };

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn slow_retrieval_of_a_byte_a_second_ends_with_the_first_window() {
        let mut pace = Pace::new(LEAST);
        let slow = (1..=40).find_map(|second| Some((second, pace.note(seconds(1), 1).err()?)));
        assert_eq!(slow, Some((30, TooSlow { bytes: 30, waited: seconds(30) })));
    }

    #[test]
    fn a_body_that_keeps_up_goes_on_for_hours() {
        let mut pace = Pace::new(LEAST);
        assert!((0..10_000).all(|_| pace.note(seconds(1), 1024).is_ok()));
    }

    #[test]
    fn a_fast_beginning_is_no_credit_for_what_comes_later() {
        let mut pace = Pace::new(LEAST);
        pace.note(Duration::ZERO, 1 << 30).unwrap();
        pace.note(seconds(30), 0).unwrap();
        assert!((0..30).any(|_| pace.note(seconds(1), 1).is_err()));
    }

    #[test]
    fn a_pause_within_the_window_is_made_good_by_what_follows() {
        let mut pace = Pace::new(LEAST);
        pace.note(seconds(29), 0).unwrap();
        pace.note(seconds(1), 30 * 1024).unwrap();
    }

    #[test]
    fn without_waiting_nothing_is_slow() {
        let mut pace = Pace::new(LEAST);
        assert!((0..1000).all(|_| pace.note(Duration::ZERO, 1).is_ok()));
    }

    #[test]
    fn waiting_together_counts_once() {
        let (together, start) = (Together::new(LEAST), Instant::now());
        (0..4).for_each(|_| together.begin(start));
        for second in 26..30 {
            together.end(start + seconds(second), 1).unwrap();
        }
        together.begin(start + seconds(100));
        let slow = together.end(start + seconds(101), 1);
        assert_eq!(slow, Err(TooSlow { bytes: 5, waited: seconds(30) }));
    }

    #[test]
    fn slow_retrieval_by_many_answers_of_a_few_bytes_is_found() {
        let (together, start) = (Together::new(LEAST), Instant::now());
        let slow = (0..40).find_map(|second| {
            together.begin(start + seconds(second));
            together.end(start + seconds(second + 1), 100).err()
        });
        assert_eq!(slow, Some(TooSlow { bytes: 3000, waited: seconds(30) }));
    }

    #[test]
    fn a_rate_of_zero_is_no_limit() {
        let mut pace = Pace::new(Rate { bytes_per_second: 0, ..LEAST });
        assert!((0..100).all(|_| pace.note(seconds(30), 0).is_ok()));
    }
}
