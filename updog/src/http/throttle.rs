//! The most that downloads take of the network, all together.
//!
//! Whoever has read bytes waits until their time is over. What is not read stays with the server, once the buffers between are full: the rate
//! holds over seconds, not over each moment. What is not used is lost, but for a moment's worth.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How much time may be caught up with.
const MOMENT: Duration = Duration::from_millis(100);

/// A rate that is shared by all that is fetched.
#[derive(Clone, Debug)]
pub(crate) struct Throttle {
    /// Bytes a second, more than none.
    rate: u64,
    /// When the time of all bytes that were read is over.
    over: Arc<Mutex<Instant>>,
}

impl Throttle {
    /// At most so many bytes a second.
    pub(crate) fn new(rate: u64) -> Self {
        Self { rate: rate.max(1), over: Arc::new(Mutex::new(Instant::now())) }
    }

    /// Waits until the time of these bytes, and of those that were read before, is over.
    pub(crate) async fn pass(&self, bytes: u64) {
        let over = self.note(Instant::now(), bytes);
        sleep_until(over).await;
    }

    fn note(&self, now: Instant, bytes: u64) -> Instant {
        let mut over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        let since = now.checked_sub(MOMENT).map_or(*over, |earliest| earliest.max(*over));
        *over = since + self.time_of(bytes);
        *over
    }

    fn time_of(&self, bytes: u64) -> Duration {
        let nanoseconds = u128::from(bytes) * 1_000_000_000 / u128::from(self.rate);
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn all_together_take_no_more_than_the_rate() {
        let (throttle, start) = (Throttle::new(1000), Instant::now());
        let one = async {
            for _ in 0..50 {
                throttle.pass(100).await;
            }
        };
        let other = async {
            for _ in 0..10 {
                throttle.clone().pass(500).await;
            }
        };
        tokio::join!(one, other);
        let took = start.elapsed();
        assert!(
            took >= Duration::from_millis(9900) && took < Duration::from_millis(10_100),
            "{took:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_not_used_is_no_credit() {
        let throttle = Throttle::new(1000);
        sleep(Duration::from_secs(100)).await;
        let start = Instant::now();
        throttle.pass(1000).await;
        assert!(start.elapsed() >= Duration::from_millis(900));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_slower_than_the_rate_does_not_wait() {
        let (throttle, start) = (Throttle::new(1000), Instant::now());
        for _ in 0..100 {
            advance(Duration::from_millis(200)).await;
            throttle.pass(100).await;
        }
        assert_eq!(start.elapsed(), Duration::from_secs(20));
    }
}
