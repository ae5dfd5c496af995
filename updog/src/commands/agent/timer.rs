//! When something is tried next.

use std::mem::MaybeUninit;

use chrono::{DateTime, TimeDelta, Utc};
use rustix::rand::{GetRandomFlags, getrandom};
use schedule::{Chance, Look, Past};

use crate::agent::record::{Kind, Record, Setback};
use crate::config::AgentSettings;

/// The first wait after something did not work; each further one is twice as long.
const FIRST_WAIT: TimeDelta = TimeDelta::minutes(1);

/// The first look after the agent was started.
pub(super) fn first(settings: &AgentSettings, now: DateTime<Utc>) -> DateTime<Utc> {
    settings.poll.next(&Past { started: now, last: None, chance: chance() }, now)
}

/// The look after one that ended now, and so many that failed.
pub(super) fn after_look(
    settings: &AgentSettings,
    failures: u32,
    now: DateTime<Utc>,
) -> DateTime<Utc> {
    let last = Some(Look { at: now, failures });
    let started = now.checked_sub_signed(settings.longest).unwrap_or(now);
    settings.poll.next(&Past { started, last, chance: chance() }, now)
}

/// What is remembered of a step that did not work now.
pub(super) fn setback(
    record: &Record,
    step: Kind,
    why: String,
    settings: &AgentSettings,
    now: DateTime<Utc>,
) -> Setback {
    let count = record.setback_of(step).map_or(0, |setback| setback.count).saturating_add(1);
    let again = match step {
        Kind::Check => after_look(settings, count, now),
        Kind::Fetch | Kind::Restart => {
            let doubled = 1_i32.checked_shl(count - 1).filter(|factor| *factor > 0);
            let wait = doubled.and_then(|factor| FIRST_WAIT.checked_mul(factor));
            let wait = wait.map_or(settings.longest, |wait| wait.min(settings.longest));
            now.checked_add_signed(wait).unwrap_or(now)
        }
    };
    Setback { step, count, at: now, again, why }
}

fn chance() -> Chance {
    let mut bytes = [MaybeUninit::uninit(); 8];
    let random = match getrandom(&mut bytes, GetRandomFlags::empty()) {
        Ok((bytes, _)) => bytes.try_into().map_or(0, u64::from_ne_bytes),
        // Very early, or never: hosts then look together.
        Err(_) => 0,
    };
    Chance::new(random)
}
