//! What systemd is told: that the agent is ready, what it does, and for how long it will be silent.
//!
//! The watchdog's time is set anew before each wait to what the wait takes, so that nothing wakes the agent only to say that it lives, and
//! one that does not come back from a wait is ended soon after. Without systemd nobody listens.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sd_notify::NotifyState;

/// What is added to each wait.
const GRACE: Duration = Duration::from_secs(120);

/// The longest time that is left to the watchdog: no wait is longer.
const LONGEST: Duration = Duration::from_secs(400 * 86_400);

/// The one who is told.
#[derive(Debug)]
pub(super) struct Notify;

impl Notify {
    pub(super) fn new() -> Self {
        Self
    }

    pub(super) fn ready(&self) {
        tell(&[NotifyState::Ready]);
    }

    pub(super) fn stopping(&self) {
        tell(&[NotifyState::Stopping]);
    }

    pub(super) fn status(&self, text: &str) {
        tell(&[NotifyState::Status(text)]);
    }

    /// Something is done that takes so long at most before the next word.
    pub(super) fn busy_for(&self, time: Duration) {
        let micros = time.saturating_add(GRACE).min(LONGEST).as_micros();
        // The library's own value ends at 71 minutes.
        let text = format!("WATCHDOG_USEC={micros}");
        tell(&[NotifyState::Custom(&text), NotifyState::Watchdog]);
    }

    /// Nothing is done until then.
    pub(super) fn asleep_until(&self, until: Option<DateTime<Utc>>) {
        let left = until.and_then(|until| (until - Utc::now()).to_std().ok());
        self.busy_for(if until.is_some() { left.unwrap_or_default() } else { LONGEST });
    }
}

fn tell(states: &[NotifyState<'_>]) {
    // Whoever does not listen does not need to know.
    let _ = sd_notify::notify(states);
}
