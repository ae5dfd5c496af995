//! Debian with systemd and our package installed, which keeps itself up to date.
//!
//! Nobody gives the guest an order about updates: a unit of its own tells on the console which release runs and what the agent is about,
//! whenever that changes, and may move the guest's clock (`fixtures/host/agent`).

mod host;
mod root;

use gptprio::SetId;

use super::case::{Case, Failure, Places, ensure};
use super::console::Said;
use super::expect::{never_says, says};
use super::health::RESTARTS;
use host::{Host, clock_at};

/// How a host keeps itself up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A timer starts a round now and then, and the host may restart in its window only; its figures can be had over the network.
    Timers,
    /// A timer starts a round now and then, and the host may restart at any time.
    Rounds,
    /// The agent is always there, and the host may restart in its window only.
    Window,
    /// The agent is always there, the host may restart at any time, and an update has three tries.
    Patient,
}

/// What the settings of 1.0.0 are called in 1.1.0.
const SETTINGS: &str =
    "guest: settings: network/hostname registry/mirror-host registry/mirror-port";

/// When the window is open, in the guest's clock.
const WINDOW: std::ops::Range<&str> = "03:00:00".."04:00:00";

/// Once the update is staged: two more rounds outside the window, and then on to it.
const ONWARD: &str = r#"began=$(cat /run/announce/rounds)
until [ "$(cat /run/announce/rounds)" -ge $((began + 2)) ]; do sleep 1; done
updog status | sed 's/^/guest: two rounds later: /' >/dev/console
bash -c 'exec 3<>/dev/tcp/127.0.0.1/9842 && printf "GET /metrics HTTP/1.0\r\n\r\n" >&3 && cat <&3' 2>&1 |
    grep '^updog_state.* 1' | sed 's/^/guest: over the network: /' >/dev/console
date --utc --set 02:59:50 >/dev/null
"#;

/// Once the update is staged: the clock goes back, beyond the window, and to just before the next one. In between the agent has looked at the
/// repository twice: it is awake, and has decided anew.
const BACK_AND_FORTH: &str = r#"systemctl reload updog-agent && echo 'guest: it reads its configuration again' >/dev/console
set_clock() {
    date --utc --set "$1" >/dev/null
    echo "guest: the clock is set: $1" >/dev/console
    began=$(cat /run/announce/looks)
    until [ "$(cat /run/announce/looks)" -ge $((began + 2)) ]; do sleep 1; done
    updog status | sed "s/^/guest: at $1: /" >/dev/console
}
set_clock 01:00
set_clock 05:00
date --utc --set 'tomorrow 02:59:50' >/dev/null
"#;

/// Every case.
pub(super) const CASES: &[Case<Places>] = &[
    Case {
        name: "agent-timers-update",
        holds: "a timer alone carries a host to 1.1.0: fetched outside its maintenance window, restarted in it, proven good, idle again, with its settings and by the seed that it made",
        run: timers_update,
    },
    Case {
        name: "agent-broken-release",
        holds: "a timer alone carries a host to 1.1.0, and to a 1.2.0 whose unit fails: the host comes back to 1.1.0 by itself, says why, and does not take it again",
        run: broken_release,
    },
    Case {
        name: "agent-fails-sometimes",
        holds: "an update with three tries whose first start fails is good at its second, and the agent is idle on it",
        run: fails_sometimes,
    },
    Case {
        name: "agent-fails-later",
        holds: "an update that is good at its first start and at none after it: the host comes back by itself, says why, and does not take it again",
        run: fails_later,
    },
    Case {
        name: "agent-clock",
        holds: "the clock goes back and past the window while the resident agent waits: no restart; it comes with the next window",
        run: clock,
    },
];

impl Kind {
    /// The folders with its files, below `fixtures/host/agent`.
    fn files(self) -> impl Iterator<Item = &'static str> {
        let folders: &[&str] = match self {
            Self::Timers => &["timers", "window", "metrics", "../first"],
            Self::Rounds => &["timers", "resident"],
            Self::Window => &["window"],
            Self::Patient => &["patient"],
        };
        folders.iter().copied()
    }
}

fn timers_update(places: &Places) -> Result<(), Failure> {
    let host = Host::new(places, Kind::Timers)?;
    host.publish_with_settings("1.1.0")?;
    let said = host.machine_at("02:30:00")?.order("staged", ONWARD).run("1")?;
    started(&said, SetId::A, "1.0.0")?;
    says(&said, "1.0.0 in set A is good")?;
    waited_for_window(&said)?;
    says(&said, "guest: two rounds later: agent: staged 1.1.0")?;
    says(&said, r#"guest: over the network: updog_state{state="staged"} 1"#)?;
    says(&said, "guest: settings: host/name registry/mirror")?;
    let seed = seed(&said)?;
    let said = host.machine_at("03:10:00")?.boot("2", &["1.1.0: idle"])?;
    started(&said, SetId::B, "1.1.0")?;
    says(&said, SETTINGS)?;
    says(&said, "1.1.0 in set B is good")?;
    let kept = self::seed(&said)?;
    ensure(kept == seed, || format!("the seed was {seed} and is {kept}"))?;
    let sets = host.disk.sets()?;
    let proven = sets.bits(SetId::B).is_some_and(|bits| bits.successful);
    ensure(proven && sets.a.successful, || format!("the bits are {sets:?}"))?;
    Ok(())
}

fn broken_release(places: &Places) -> Result<(), Failure> {
    let host = Host::new(places, Kind::Rounds)?;
    host.publish("1.1.0", None)?;
    let said = host.machine().run("1")?;
    started(&said, SetId::A, "1.0.0")?;
    says(&said, RESTARTS)?;
    let said = host.machine().boot("2", &["1.1.0: idle"])?;
    started(&said, SetId::B, "1.1.0")?;
    host.publish("1.2.0", Some("broken"))?;
    let said = host.machine().run("3")?;
    started(&said, SetId::B, "1.1.0")?;
    says(&said, "1.1.0: staged 1.2.0")?;
    says(&said, RESTARTS)?;
    let said = host.machine().run("4")?;
    started(&said, SetId::A, "1.2.0")?;
    says(&said, "1.2.0 in set A is not good: unit web.service")?;
    says(&said, RESTARTS)?;
    let fetched = host.images_asked_for();
    let said = host.machine().boot("5", &["1.1.0: look 4, idle"])?;
    started(&said, SetId::B, "1.1.0")?;
    says(&said, "guest: | 1.2.0 failed here and is not taken again: unit web.service")?;
    ["available", "staged", "ready"]
        .iter()
        .try_for_each(|state| never_says(&said, &format!("1.1.0: {state}")))?;
    let more = host.images_asked_for() - fetched;
    ensure(more == 0, || format!("it asked for {more} more images:\n{said}"))?;
    Ok(())
}

fn fails_sometimes(places: &Places) -> Result<(), Failure> {
    let host = Host::new(places, Kind::Patient)?;
    host.publish("1.2.0", Some("sometimes"))?;
    let said = host.machine().run("1")?;
    started(&said, SetId::A, "1.0.0")?;
    let said = host.machine().run("2")?;
    started(&said, SetId::B, "1.2.0")?;
    says(&said, "1.2.0 in set B is not good: unit web.service")?;
    says(&said, RESTARTS)?;
    let said = host.machine().boot("3", &["1.2.0: look 3, idle"])?;
    started(&said, SetId::B, "1.2.0")?;
    says(&said, "1.2.0 in set B is good")?;
    never_says(&said, "failed here")?;
    let sets = host.disk.sets()?;
    let proven = sets.bits(SetId::B).is_some_and(|bits| bits.successful);
    ensure(proven, || format!("the bits are {sets:?}"))?;
    Ok(())
}

fn fails_later(places: &Places) -> Result<(), Failure> {
    let host = Host::new(places, Kind::Rounds)?;
    host.publish("1.2.0", Some("worn"))?;
    let said = host.machine().run("1")?;
    started(&said, SetId::A, "1.0.0")?;
    let said = host.machine().boot("2", &["1.2.0: idle"])?;
    started(&said, SetId::B, "1.2.0")?;
    says(&said, "1.2.0 in set B is good")?;
    // One that was good has three tries, whatever an update has.
    for boot in ["3", "4", "5"] {
        let said = host.machine().run(boot)?;
        started(&said, SetId::B, "1.2.0")?;
        says(&said, "1.2.0 in set B is not good: unit web.service")?;
        says(&said, RESTARTS)?;
    }
    let said = host.machine().boot("6", &["1.0.0: look 4, idle"])?;
    started(&said, SetId::A, "1.0.0")?;
    says(&said, "guest: | 1.2.0 failed here and is not taken again: unit web.service")?;
    ["available", "staged", "ready"]
        .iter()
        .try_for_each(|state| never_says(&said, &format!("1.0.0: {state}")))?;
    Ok(())
}

fn clock(places: &Places) -> Result<(), Failure> {
    let host = Host::new(places, Kind::Window)?;
    host.publish("1.1.0", None)?;
    let said = host.machine_at("02:30:00")?.order("staged", BACK_AND_FORTH).run("1")?;
    started(&said, SetId::A, "1.0.0")?;
    waited_for_window(&said)?;
    never_says(&said, "the agent cannot go on")?;
    says(&said, "guest: it reads its configuration again")?;
    ["01:00", "05:00"]
        .iter()
        .try_for_each(|time| says(&said, &format!("guest: at {time}: agent: staged 1.1.0")))?;
    Ok(())
}

/// 1.1.0 was staged before the window opened, and the restart came within it.
fn waited_for_window(said: &Said) -> Result<(), Failure> {
    let (staged, down) = (clock_at(said, "1.0.0: staged 1.1.0")?, clock_at(said, "goes down")?);
    ensure(staged.as_str() < WINDOW.start, || format!("staged at {staged} only:\n{said}"))?;
    ensure(WINDOW.contains(&down.as_str()), || format!("it went down at {down}:\n{said}"))?;
    says(said, RESTARTS)
}

/// The host's place in the waves, which it made itself.
fn seed(said: &Said) -> Result<String, Failure> {
    let lines = said.0.iter().filter_map(|(_, line)| line.split_once("guest: "));
    let seed = lines.filter_map(|(_, told)| told.split_once(" seed ")).next_back();
    let seed = seed.map(|(_, seed)| seed.trim().to_owned()).filter(|seed| !seed.is_empty());
    seed.ok_or_else(|| Failure::new(&format!("the guest never said its seed:\n{said}")))
}

/// The selector started a set, and this release of the system came up.
fn started(said: &Said, set: SetId, version: &str) -> Result<(), Failure> {
    says(said, &format!("waystone: starting set {set}"))?;
    says(said, &format!("version {version}"))
}
