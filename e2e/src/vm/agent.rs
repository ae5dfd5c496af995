//! Debian with systemd, which keeps itself up to date with our units as they are shipped.
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
    /// A timer starts a round now and then; it restarts from three to four o'clock only.
    Timers,
    /// The agent is always there, and may restart at any time.
    Resident,
}

/// When the window of a host with timers is open, in the guest's clock.
const WINDOW: std::ops::Range<&str> = "03:00:00".."04:00:00";

/// Once the update is staged: two more rounds outside the window, and then on to it.
const ONWARD: &str = r#"began=$(cat /run/announce/rounds)
until [ "$(cat /run/announce/rounds)" -ge $((began + 2)) ]; do sleep 1; done
updog status | sed 's/^/guest: two rounds later: /' >/dev/console
date --utc --set 02:59:50 >/dev/null
"#;

/// Every case.
pub const CASES: &[Case<Places>] = &[
    Case {
        name: "agent-timers-update",
        holds: "a timer alone carries a host to 1.1.0: fetched outside its maintenance window, restarted in it, proven good, idle again",
        run: timers_update,
    },
    Case {
        name: "agent-broken-release",
        holds: "the resident agent takes a release whose unit fails: the host comes back by itself, says why, and does not take it again",
        run: broken_release,
    },
];

impl Kind {
    /// The folder with its files, below `fixtures/host`.
    fn files(self) -> &'static str {
        match self {
            Self::Timers => "agent/timers",
            Self::Resident => "agent/resident",
        }
    }
}

fn timers_update(places: &Places) -> Result<(), Failure> {
    let host = Host::new(places, Kind::Timers)?;
    host.publish("1.1.0", None)?;
    let said = host.machine_at("02:30:00")?.order("staged", ONWARD).run("1")?;
    started(&said, SetId::A, "1.0.0")?;
    says(&said, "1.0.0 in set A is good")?;
    let (staged, down) = (clock_at(&said, "1.0.0: staged 1.1.0")?, clock_at(&said, "goes down")?);
    ensure(staged.as_str() < WINDOW.start, || format!("staged at {staged} only:\n{said}"))?;
    says(&said, "guest: two rounds later: agent: staged 1.1.0")?;
    ensure(WINDOW.contains(&down.as_str()), || format!("it went down at {down}:\n{said}"))?;
    says(&said, RESTARTS)?;
    let said = host.machine_at("03:10:00")?.boot("2", &["1.1.0: idle"])?;
    started(&said, SetId::B, "1.1.0")?;
    says(&said, "1.1.0 in set B is good")?;
    let sets = host.disk.sets()?;
    let proven = sets.bits(SetId::B).is_some_and(|bits| bits.successful);
    ensure(proven && sets.a.successful, || format!("the bits are {sets:?}"))
}

fn broken_release(places: &Places) -> Result<(), Failure> {
    let host = Host::new(places, Kind::Resident)?;
    host.publish("1.2.0", Some("broken"))?;
    let said = host.machine().run("1")?;
    started(&said, SetId::A, "1.0.0")?;
    says(&said, "1.0.0: staged 1.2.0")?;
    says(&said, RESTARTS)?;
    let said = host.machine().run("2")?;
    started(&said, SetId::B, "1.2.0")?;
    says(&said, "1.2.0 in set B is not good: unit web.service")?;
    says(&said, RESTARTS)?;
    let fetched = host.repository.server.requests("targets/").len();
    let said = host.machine().boot("3", &["1.0.0: look 4, idle"])?;
    started(&said, SetId::A, "1.0.0")?;
    says(&said, "guest: | 1.2.0 failed here and is not taken again: unit web.service")?;
    ["available", "staged", "ready"]
        .iter()
        .try_for_each(|state| never_says(&said, &format!("1.0.0: {state}")))?;
    let more = host.repository.server.requests("targets/").len() - fetched;
    ensure(more == 0, || format!("it asked for {more} more targets:\n{said}"))
}

/// The selector started a set, and this release of the system came up.
fn started(said: &Said, set: SetId, version: &str) -> Result<(), Failure> {
    says(said, &format!("waystone: starting set {set}"))?;
    says(said, &format!("version {version}"))
}
