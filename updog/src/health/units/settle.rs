//! Units that stay active: one that dies and is started again without end is active most of the times that it is asked.
//!
//! A unit has settled when it has been active for long enough, in one run, and was in no other one since it was first looked at. What ran to its end
//! (`active (exited)`) and targets cannot die. An answer that is not understood whole is none, and is asked for again.

use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::{Deadline, LOOK_AGAIN, limited};

/// What is asked for.
const PROPERTIES: &str =
    "--property=ActiveState,SubState,NRestarts,InvocationID,ActiveEnterTimestampMonotonic";

/// What is asked and waited with.
pub(super) trait Systemd {
    /// What systemd shows of a unit.
    fn show(&self, unit: &str) -> String;
    /// Time since the kernel started, by the clock that systemd uses.
    fn now(&self) -> Duration;
    /// Waits; `false` if the time is over.
    fn pause(&self, time: Duration) -> bool;
    /// The time limit.
    fn limit(&self) -> Duration;
}

/// The machine's.
pub(super) struct Machine {
    pub(super) deadline: Deadline,
}

/// A unit that did not settle.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unsettled {
    pub(super) unit: String,
    pub(super) why: String,
}

/// What systemd shows of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Shown {
    /// It has run to its end, or is nothing that runs.
    Done,
    /// It runs.
    Running(Run),
    /// It is not active any more.
    Left(String),
}

/// One run of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Run {
    invocation: String,
    restarts: Option<u32>,
    since: Duration,
}

/// Waits until every unit has settled; the first that did not.
pub(super) fn wait(
    systemd: &impl Systemd,
    units: &[String],
    settled: Duration,
) -> Option<Unsettled> {
    let mut first = vec![None; units.len()];
    loop {
        let mut waits_for = None;
        for (unit, first) in units.iter().zip(&mut first) {
            match left(systemd, unit, settled, first) {
                Err(why) => return Some(Unsettled { unit: unit.clone(), why }),
                Ok(Duration::ZERO) => {}
                Ok(left) => waits_for = waits_for.max(Some((left, unit))),
            }
        }
        let (left, unit) = waits_for?;
        if !systemd.pause(left.max(LOOK_AGAIN)) {
            let (settled, limit) = (settled.as_secs(), systemd.limit().as_secs());
            let why = format!("not active for {settled} s within the time limit of {limit} s");
            return Some(Unsettled { unit: unit.clone(), why });
        }
    }
}

/// How long a unit has yet to be waited for.
fn left(
    systemd: &impl Systemd,
    unit: &str,
    settled: Duration,
    first: &mut Option<Run>,
) -> Result<Duration, String> {
    let run = match shown(unit, &systemd.show(unit)) {
        None => return Ok(LOOK_AGAIN),
        Some(Shown::Done) => return Ok(Duration::ZERO),
        Some(Shown::Left(state)) => return Err(format!("was active and is {state} now")),
        Some(Shown::Running(run)) => run,
    };
    let before = first.get_or_insert_with(|| run.clone());
    if *before != run {
        return Err("was started again while it was watched".to_owned());
    }
    Ok(settled.saturating_sub(systemd.now().saturating_sub(run.since)))
}

/// What an answer says; `None` if it is not understood whole.
fn shown(unit: &str, said: &str) -> Option<Shown> {
    let value = |key: &str| {
        let mut values = said.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        values.next().filter(|_| values.next().is_none())
    };
    match value("ActiveState")? {
        "active" | "reloading" | "refreshing" => {}
        state @ ("inactive" | "failed" | "activating" | "deactivating" | "maintenance") => {
            return Some(Shown::Left(state.to_owned()));
        }
        _ => return None,
    }
    if value("SubState")? == "exited" || unit.ends_with(".target") {
        return Some(Shown::Done);
    }
    // Only services have a count of restarts.
    let restarts = match value("NRestarts") {
        Some(count) => Some(count.parse().ok()?),
        None if unit.ends_with(".service") => return None,
        None => None,
    };
    let since = value("ActiveEnterTimestampMonotonic")?.parse().ok().filter(|since| *since > 0)?;
    let invocation = value("InvocationID").filter(|id| is_invocation(id))?.to_owned();
    Some(Shown::Running(Run { invocation, restarts, since: Duration::from_micros(since) }))
}

fn is_invocation(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl Systemd for Machine {
    fn show(&self, unit: &str) -> String {
        let mut command = Command::new("systemctl");
        command.args(["show", PROPERTIES, "--", unit]);
        limited::run(&mut command, self.deadline.left()).map(|ended| ended.tail).unwrap_or_default()
    }

    fn now(&self) -> Duration {
        Duration::try_from(clock_gettime(ClockId::Monotonic)).unwrap_or_default()
    }

    fn pause(&self, time: Duration) -> bool {
        sleep(time.min(self.deadline.left()));
        !self.deadline.is_over()
    }

    fn limit(&self) -> Duration {
        self.deadline.limit()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const SETTLED: Duration = Duration::from_secs(10);

    /// A unit by what it shows at a second.
    struct Played<F> {
        now: Cell<Duration>,
        show: F,
    }

    impl<F: Fn(u64) -> String> Systemd for Played<F> {
        fn show(&self, _: &str) -> String {
            (self.show)(self.now.get().as_secs())
        }

        fn now(&self) -> Duration {
            self.now.get()
        }

        fn pause(&self, time: Duration) -> bool {
            self.now.set(self.now.get() + time);
            self.now.get() < self.limit()
        }

        fn limit(&self) -> Duration {
            Duration::from_secs(300)
        }
    }

    fn run(invocation: u64, restarts: u64, since: u64) -> String {
        format!(
            "ActiveState=active\nSubState=running\nNRestarts={restarts}\n\
             InvocationID={invocation:032x}\nActiveEnterTimestampMonotonic={since}000000\n"
        )
    }

    /// Why a unit did not settle that is first looked at 100 s after the start, and how long it took.
    fn why(unit: &str, show: impl Fn(u64) -> String) -> (Option<String>, u64) {
        let systemd = Played { now: Cell::new(Duration::from_secs(100)), show };
        let unsettled = wait(&systemd, &[unit.to_owned()], SETTLED);
        (unsettled.map(|unsettled| unsettled.why), systemd.now.get().as_secs() - 100)
    }

    #[test]
    fn one_that_has_run_for_long_is_not_waited_for() {
        assert_eq!(why("x.service", |_| run(1, 3, 90)), (None, 0));
    }

    #[test]
    fn one_that_has_just_begun_is_waited_for() {
        assert_eq!(why("x.service", |_| run(1, 0, 98)), (None, 8));
    }

    #[test]
    fn one_that_dies_and_is_started_again_has_failed() {
        // It dies after three seconds each time.
        let (said, took) = why("x.service", |now| run(now / 3, now / 3, now / 3 * 3));
        assert_eq!(said.unwrap(), "was started again while it was watched");
        assert!(took <= 10);
        let waits = |now| if now < 105 { run(1, 0, 99) } else { "ActiveState=activating\n".into() };
        assert_eq!(why("x.service", waits).0.unwrap(), "was active and is activating now");
    }

    #[test]
    fn what_runs_to_its_end_and_targets_cannot_die() {
        let exited = |_| "ActiveState=active\nSubState=exited\n".to_owned();
        assert_eq!(why("once.service", exited), (None, 0));
        let target = |_| "ActiveState=active\nSubState=active\n".to_owned();
        assert_eq!(why("multi-user.target", target), (None, 0));
    }

    #[test]
    fn an_answer_that_is_not_understood_is_asked_for_again_until_the_time_is_over() {
        let good = run(1, 0, 90);
        for bad in [
            String::new(),
            "Failed to connect to bus".to_owned(),
            good.replace("NRestarts=0", "NRestarts=many"),
            good.replace("NRestarts=0\n", ""),
            good.replace("InvocationID=0", "InvocationID=x"),
            good.replace("=90000000", "=0"),
            good.replace("ActiveState=active", "ActiveState=merry"),
            format!("{good}{good}"),
        ] {
            let later = |now| if now < 120 { bad.clone() } else { good.clone() };
            assert_eq!(why("x.service", later).0, None, "{bad}");
            let (said, took) = why("x.service", |_| bad.clone());
            assert_eq!(said.unwrap(), "not active for 10 s within the time limit of 300 s");
            assert!(took >= 199, "{bad}");
        }
        assert_eq!(why("x.socket", |_| good.replace("NRestarts=0\n", "")), (None, 0));
    }
}
