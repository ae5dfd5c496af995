//! What is decided, for hosts that are only values.

#![allow(clippy::unwrap_used)]

use manifest::{Manifest, VersionLock};
use proptest::prelude::*;

use super::*;
use crate::agent::orders::{Go, Hold};
use crate::agent::record::{Pin, RestartAsked, Setback};
use crate::agent::sample::{self, NEW, OLD};

/// Says yes, or names these.
#[derive(Debug, Default)]
struct Says {
    fetch: Waits,
    restart: Waits,
}

impl Permission for Says {
    fn fetch(&self) -> Waits {
        self.fetch.clone()
    }

    fn restart(&self) -> Waits {
        self.restart.clone()
    }
}

/// A host at noon, and everything around it.
#[derive(Debug)]
struct Around {
    host: Host,
    facts: Facts,
    policies: Policies,
    record: Record,
    orders: Orders,
    checked: Option<Checked>,
    says: Says,
    now: DateTime<Utc>,
}

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + minutes * 60, 0).unwrap()
}

impl Around {
    /// A host that was looked at an hour ago, when the newer release was chosen, and is looked at again in half an hour.
    fn new() -> Self {
        let (host, facts) = (sample::host(), sample::facts());
        let update = |version: &Version| {
            format!(
                r#"{{"variant":"demo","arch":"x86_64","version":"{version}","max_version":"{NEW}",
                "waves":{{}},"images":{{"boot":"b","root":"r","hash":"h"}}}}"#
            )
        };
        let text =
            format!(r#"{{"updates":[{},{}],"migrations":{{}}}}"#, update(&NEW), update(&OLD));
        let manifest = Manifest::parse(text.as_bytes()).unwrap();
        let decision = manifest::choose(&manifest, &host, at(-60), None);
        let checked = Some(Checked::new(&decision, &host, None, at(-60)));
        let mut record = Record::default();
        record.next_check = Some(at(30));
        let (policies, orders, says) = Default::default();
        Self { host, facts, policies, record, orders, checked, says, now: at(0) }
    }

    fn pinned() -> Self {
        let mut around = Self::new();
        around.pin(Pin::new(NEW, OLD, at(-30)));
        around
    }

    fn staged() -> Self {
        let mut around = Self::pinned();
        around.facts.staged = Some(NEW);
        around
    }

    fn ready() -> Self {
        let mut around = Self::staged();
        around.facts.boots_next = true;
        around
    }

    fn pin(&mut self, pin: Pin) {
        self.record.pin = Some(pin.clone());
        self.facts.pin = Some(pin);
    }

    fn next(&self) -> Next {
        next(Given {
            host: &self.host,
            facts: &self.facts,
            policies: self.policies,
            record: &self.record,
            orders: &self.orders,
            checked: self.checked.as_ref(),
            longest: TimeDelta::days(1),
            permission: &self.says,
            now: self.now,
        })
    }

    fn step(&self) -> Option<Step> {
        self.next().step
    }

    fn codes(&self) -> Vec<&'static str> {
        self.next().waits.iter().map(|wait| wait.code).collect()
    }

    fn go(&mut self, step: Kind) {
        let version = (step != Kind::Check).then_some(NEW);
        self.orders.go = Some(Go { step, version, at: at(-1) });
    }
}

fn wait(step: Kind, code: &'static str, until: Option<DateTime<Utc>>) -> Wait {
    Wait { step, code, reason: String::new(), until }
}

#[test]
fn one_step_follows_the_other_without_a_word_from_anybody() {
    assert_eq!(Around::new().step(), Some(Step::Offer(NEW)));
    assert_eq!(Around::pinned().step(), Some(Step::Fetch(NEW)));
    assert_eq!(Around::staged().step(), Some(Step::Arm(NEW)));
    assert_eq!(Around::ready().step(), Some(Step::Restart(NEW)));
}

#[test]
fn the_repository_is_looked_at_when_it_is_time_whatever_else_there_is_to_do() {
    for mut around in [Around::new(), Around::pinned(), Around::staged(), Around::ready()] {
        around.now = at(30);
        assert_eq!(around.step(), Some(Step::Check));
        around.record.next_check = None;
        around.now = at(0);
        assert_eq!(around.step(), Some(Step::Check), "it never was");
    }
}

#[test]
fn what_was_found_by_a_host_of_another_version_or_with_other_settings_offers_nothing() {
    let mut around = Around::new();
    around.host.version_lock = VersionLock::Exact(OLD);
    assert_eq!((around.step(), around.next().wake), (None, Some(at(30))));
    let mut around = Around::new();
    around.checked = None;
    assert_eq!(around.step(), None);
}

#[test]
fn a_release_on_its_way_to_this_host_is_looked_for_when_it_arrives() {
    let mut around = Around::new();
    let checked = around.checked.as_mut().unwrap();
    (checked.chosen, checked.next_change) = (None, Some(at(20)));
    assert_eq!((around.step(), around.next().wake), (None, Some(at(20))));
    around.now = at(20);
    assert_eq!(around.step(), Some(Step::Check));
    around.checked.as_mut().unwrap().at = at(20);
    assert_eq!(around.step(), None, "once");
}

#[test]
fn the_version_stays_the_one_that_was_taken_up() {
    let mut around = Around::staged();
    let newer = Version::new(1, 2, 0);
    around.checked.as_mut().unwrap().chosen = Some(newer);
    around.checked.as_mut().unwrap().at = at(-1);
    assert_eq!(around.step(), Some(Step::Arm(NEW)));
}

#[test]
fn a_release_that_does_not_stand_any_more_is_let_go_unless_an_operator_put_it_there() {
    for mut around in [Around::pinned(), Around::staged(), Around::ready()] {
        let checked = around.checked.as_mut().unwrap();
        checked.releases.clear();
        assert_ne!(around.step(), Some(Step::Withdraw(NEW)));
        around.checked.as_mut().unwrap().at = at(-1);
        assert_eq!(around.step(), Some(Step::Withdraw(NEW)));
        let mut pin = around.facts.pin.clone().unwrap();
        pin.by_hand = true;
        around.pin(pin);
        assert_ne!(around.step(), Some(Step::Withdraw(NEW)));
        around.facts.declined.push(NEW);
        assert_eq!(around.step(), Some(Step::Withdraw(NEW)));
    }
}

#[test]
fn what_failed_or_was_taken_back_is_not_offered() {
    let mut around = Around::new();
    around.facts.failed.push(NEW);
    assert_eq!(around.step(), None);
    let mut around = Around::new();
    around.facts.declined.push(NEW);
    assert_eq!((around.step(), around.codes()), (None, vec!["schedule", "declined"]));
}

#[test]
fn what_is_in_the_way_keeps_the_flip_and_the_restart() {
    for mut around in [Around::staged(), Around::ready()] {
        around.says.restart = vec![wait(Kind::Restart, "window", Some(at(10)))];
        assert_eq!((around.step(), around.next().wake), (None, Some(at(10))));
        assert_eq!(around.codes(), ["schedule", "window"]);
    }
    let mut around = Around::pinned();
    around.says.restart = vec![wait(Kind::Restart, "window", None)];
    assert_eq!(around.step(), Some(Step::Fetch(NEW)), "it is fetched all the same");
    around.says.fetch = vec![wait(Kind::Fetch, "metered", Some(at(1)))];
    assert_eq!((around.step(), around.next().wake), (None, Some(at(1))));
}

#[test]
fn a_manual_step_waits_for_leave_which_is_for_one_release() {
    let mut around = Around::new();
    around.policies =
        Policies { check: Policy::Manual, fetch: Policy::Manual, restart: Policy::Manual };
    around.now = at(40);
    assert_eq!(around.step(), Some(Step::Offer(NEW)), "only the look itself is manual");
    around.go(Kind::Check);
    assert_eq!(around.step(), Some(Step::Check));
    let policies = around.policies;
    for (mut around, kind, step) in [
        (Around::pinned(), Kind::Fetch, Step::Fetch(NEW)),
        (Around::ready(), Kind::Restart, Step::Restart(NEW)),
    ] {
        around.policies = policies;
        assert_eq!((around.step(), around.codes()), (None, vec!["manual", "manual"]));
        around.go(kind);
        assert_eq!(around.step(), Some(step));
        around.orders.go.as_mut().unwrap().version = Some(OLD);
        assert_eq!(around.step(), None);
    }
}

#[test]
fn where_an_operator_restarts_what_lies_there_is_made_ready_at_once() {
    let mut around = Around::staged();
    around.policies.restart = Policy::Manual;
    around.says.restart = vec![wait(Kind::Restart, "window", None)];
    assert_eq!(around.step(), Some(Step::Arm(NEW)));
    around.policies.restart = Policy::Off;
    around.go(Kind::Restart);
    assert_eq!((around.step(), around.codes()), (None, vec!["schedule", "off"]));
}

#[test]
fn leave_does_not_overrule_what_is_in_the_way() {
    let mut around = Around::ready();
    around.policies.restart = Policy::Manual;
    around.go(Kind::Restart);
    around.says.restart = vec![wait(Kind::Restart, "window", Some(at(5)))];
    assert_eq!((around.step(), around.codes()), (None, vec!["schedule", "window"]));
}

#[test]
fn a_setback_is_waited_out_and_a_clock_that_went_back_ends_it() {
    let setback = |step| Setback { step, count: 1, at: at(-1), again: at(4), why: "x".to_owned() };
    for (mut around, kind) in [
        (Around::pinned(), Kind::Fetch),
        (Around::staged(), Kind::Restart),
        (Around::ready(), Kind::Restart),
    ] {
        let step = around.step();
        around.record.set_back(setback(kind));
        assert_eq!((around.step(), around.next().wake), (None, Some(at(4))));
        around.now = at(4);
        assert_eq!(around.step(), step);
        around.now = at(-2);
        assert_eq!(around.step(), step);
    }
}

#[test]
fn a_restart_is_given_its_time_and_then_asked_for_again_later() {
    let mut around = Around::ready();
    let (boot, asked) = (around.facts.boot.clone(), at(-3));
    let mut pin = around.facts.pin.clone().unwrap();
    pin.restart = Some(RestartAsked { boot, at: asked });
    around.pin(pin);
    assert_eq!((around.step(), around.next().wake), (None, Some(at(7))));
    around.now = at(7);
    assert_eq!(around.step(), Some(Step::Stay(NEW)));
    around.now = at(-4);
    assert_eq!(around.step(), Some(Step::Stay(NEW)), "the clock went back");
}

#[test]
fn a_hold_keeps_everything_that_can_be_kept() {
    for mut around in [Around::new(), Around::pinned(), Around::staged(), Around::ready()] {
        around.facts.is_held = true;
        around.orders.hold = Some(Hold { since: at(-9), until: Some(at(90)), why: None });
        around.now = at(60);
        assert_eq!((around.step(), around.next().wake), (None, Some(at(90))));
    }
}

#[test]
fn plans_of_a_clock_that_was_far_ahead_do_not_stop_the_looking() {
    let mut around = Around::new();
    around.checked.as_mut().unwrap().chosen = None;
    around.record.next_check = Some(at(1_000_000));
    assert_eq!(around.step(), Some(Step::Check));
}

prop_compose! {
    fn any_around()(
        kind in 0..4,
        policies in prop::array::uniform3(0..3),
        bits in prop::array::uniform8(any::<bool>()),
        minutes in -3000_i64..3000,
        again in -3000_i64..3000,
    ) -> Around {
        let [held, bad, failed, declined, in_the_way, metered, setback, go] = bits;
        let mut around = match kind {
            0 => Around::new(),
            1 => Around::pinned(),
            2 => Around::staged(),
            _ => Around::ready(),
        };
        let [check, fetch, restart] = policies.map(|policy| match policy {
            0 => Policy::Automatic,
            1 => Policy::Manual,
            _ => Policy::Off,
        });
        around.policies = Policies { check, fetch, restart };
        (around.facts.is_held, around.facts.is_good, around.now) = (held, !bad, at(minutes));
        if failed { around.facts.failed.push(NEW) }
        if declined { around.facts.declined.push(NEW) }
        if in_the_way { around.says.restart = vec![wait(Kind::Restart, "window", None)] }
        if metered { around.says.fetch = vec![wait(Kind::Fetch, "metered", None)] }
        if setback {
            let (at, again) = (at(again - 5), at(again));
            around.record.set_back(Setback { step: Kind::Restart, count: 1, at, again, why: String::new() });
        }
        if go { around.go(Kind::Restart) }
        around
    }
}

proptest! {
    #[test]
    fn nothing_restarts_without_leave(around in any_around()) {
        let Policies { restart, fetch, check } = around.policies;
        let waits = !around.says.restart.is_empty();
        let go = around.orders.lets(Kind::Restart, Some(&NEW));
        match around.step() {
            Some(Step::Restart(_)) => {
                prop_assert!(!waits && !around.facts.is_held && around.facts.is_good);
                prop_assert!(restart == Policy::Automatic || (restart == Policy::Manual && go));
                prop_assert!(around.facts.boots_next && !around.facts.declined.contains(&NEW));
            }
            Some(Step::Arm(_)) => {
                prop_assert!(!around.facts.is_held && around.facts.is_good && restart != Policy::Off);
                prop_assert!(!waits || (restart == Policy::Manual && !go));
            }
            Some(Step::Fetch(_)) => {
                prop_assert!(fetch == Policy::Automatic && around.says.fetch.is_empty());
                prop_assert!(!around.facts.is_held && around.facts.is_good);
            }
            Some(Step::Check) => prop_assert!(check == Policy::Automatic && !around.facts.is_held),
            Some(Step::Offer(version)) => {
                prop_assert!(!around.facts.failed.contains(&version));
                prop_assert!(!around.facts.declined.contains(&version));
            }
            Some(Step::Stay(_) | Step::Withdraw(_) | Step::Settle(_)) | None => {}
        }
    }

    #[test]
    fn it_never_wakes_only_to_find_that_it_waits(around in any_around()) {
        let next = around.next();
        if let (None, Some(wake)) = (&next.step, next.wake) {
            prop_assert!(wake > around.now, "{next:?} at {}", around.now);
        }
    }
}
