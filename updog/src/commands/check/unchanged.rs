//! Whether anything can be new at all: one small question in the place of a whole look.
//!
//! A server that says "not modified" proves nothing, and nothing is taken from it: what was verified before holds on, for as long as its
//! signatures do and for a day at most, since a new root need not change the timestamp. Whatever else could change the decision, this host's
//! wave, its version, its settings, what failed here, is looked at first.

use chrono::{DateTime, TimeDelta, Utc};
use manifest::Host;
use semver::Version;
use tokio::runtime::Builder;

use crate::agent::checked::{Checked, Unchanged};
use crate::commands::Context;
use crate::http::{Metadata, Query, Validator};
use crate::mirrors::Mirrors;
use crate::source::Origin;

/// How long a whole look may be ago.
const WHOLE_EVERY: TimeDelta = TimeDelta::days(1);

/// What a later look is to ask with.
pub(super) fn of(mirrors: &Mirrors, failed: Vec<Version>) -> Option<Unchanged> {
    let state = mirrors.timestamp()?;
    let validator = state.validator.text()?.to_owned();
    Some(Unchanged { address: state.address, validator, failed })
}

/// What was found the last time, if that is all that can be found now. Any doubt, and any trouble, is a reason for a whole look.
pub(super) fn look(
    context: &Context,
    host: &Host,
    failed: &[Version],
    now: DateTime<Utc>,
) -> Option<Checked> {
    let state = &context.settings.paths.state;
    let mut checked = Checked::read(state).filter(|_| context.from.is_none())?;
    let unchanged = checked.unchanged.clone().filter(|_| holds(&checked, host, failed, now))?;
    ask(context, host, &unchanged).filter(|unchanged| *unchanged)?;
    checked.at = now;
    checked.write(state).ok()?;
    Some(checked)
}

/// Whether the same metadata would lead to the same decision.
fn holds(checked: &Checked, host: &Host, failed: &[Version], now: DateTime<Utc>) -> bool {
    let ago = now - checked.whole_at;
    let valid = checked.expires.is_some_and(|expires| now < expires);
    let arrives = checked.next_change.is_some_and(|at| at <= now);
    let same_failed =
        checked.unchanged.as_ref().is_some_and(|unchanged| unchanged.failed == failed);
    checked.is_for(host)
        && (TimeDelta::zero()..WHOLE_EVERY).contains(&ago)
        && checked.at <= now
        && valid
        && !arrives
        && same_failed
}

fn ask(context: &Context, host: &Host, unchanged: &Unchanged) -> Option<bool> {
    let runtime = Builder::new_current_thread().enable_all().build().ok()?;
    let validator = Validator::read(&unchanged.validator)?;
    let origins = Origin::all(&context.settings, &Query::new(host), None).ok()?;
    origins.iter().find_map(|origin| {
        let Origin::Mirror(client, source) = origin else { return None };
        let url = Metadata::new(client, &source.metadata).timestamp()?;
        let is_it = crate::address::shown(&url) == unchanged.address;
        is_it.then(|| runtime.block_on(client.is_unchanged(&url, &validator)).ok())?
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use manifest::Manifest;

    use super::*;
    use crate::agent::sample::host;

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(hours * 3600, 0).unwrap()
    }

    fn checked() -> Checked {
        let manifest = Manifest::parse(br#"{"updates": [], "migrations": {}}"#).unwrap();
        let decision = manifest::choose(&manifest, &host(), at(100), None);
        let mut checked = Checked::new(&decision, &host(), Some(at(200)), at(100));
        let (address, validator) = ("http://x/".to_owned(), "\"tag\"".to_owned());
        checked.unchanged = Some(Unchanged { address, validator, failed: Vec::new() });
        checked
    }

    #[test]
    fn a_question_is_enough_while_nothing_but_the_repository_can_change_the_decision() {
        let holds = |checked: &Checked, now| holds(checked, &host(), &[], at(now));
        assert!(holds(&checked(), 100) && holds(&checked(), 123));
        assert!(!holds(&checked(), 124), "a day");
        assert!(!holds(&checked(), 99), "the clock went back");
        let expired = Checked { expires: Some(at(110)), ..checked() };
        assert!(holds(&expired, 109) && !holds(&expired, 110));
        let arrives = Checked { next_change: Some(at(105)), ..checked() };
        assert!(holds(&arrives, 104) && !holds(&arrives, 105));
    }

    #[test]
    fn another_host_and_another_failure_ask_for_a_whole_look() {
        let (version, now) = (Version::new(1, 1, 0), at(101));
        assert!(!holds(&checked(), &Host { ignore_waves: true, ..host() }, &[], now));
        assert!(!holds(&checked(), &host(), &[version], now));
        assert!(!holds(&Checked { unchanged: None, ..checked() }, &host(), &[], now));
    }
}
