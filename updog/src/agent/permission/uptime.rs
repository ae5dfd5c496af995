//! A host that has just come up is left up for a while.

use std::time::Duration;

use chrono::{DateTime, Utc};
use rustix::time::{ClockId, clock_gettime};

use crate::agent::next::Wait;
use crate::agent::record::Kind;

/// What is left of the least time between two starts.
pub(super) fn wait(least: Duration, now: DateTime<Utc>) -> Option<Wait> {
    judge(least, since_start(), now)
}

fn judge(least: Duration, up: Duration, now: DateTime<Utc>) -> Option<Wait> {
    let left = least.checked_sub(up).filter(|left| !left.is_zero())?;
    let until =
        chrono::TimeDelta::from_std(left).ok().and_then(|left| now.checked_add_signed(left));
    let reason = format!("the host is up for less than {} s", least.as_secs());
    Some(Wait { step: Kind::Restart, code: "uptime", reason, until })
}

/// How long the host is up, sleep included.
fn since_start() -> Duration {
    let up = clock_gettime(ClockId::Boottime);
    Duration::from_secs(u64::try_from(up.tv_sec).unwrap_or(0))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_waited_for() {
        let (now, least) = (DateTime::UNIX_EPOCH, Duration::from_secs(600));
        let wait = judge(least, Duration::from_secs(590), now).unwrap();
        assert_eq!(wait.until.unwrap().timestamp(), 10);
        assert_eq!(judge(least, least, now), None);
        assert_eq!(judge(Duration::ZERO, Duration::ZERO, now), None);
    }
}
