//! `health`: notes the start, runs the checks, and marks the boot good or sees to a restart.

use std::fmt;
use std::thread::sleep;
use std::time::Duration;

use chrono::{DateTime, Utc};
use cli::Outcome;
use gptprio::{SetId, State};
use manifest::Host;
use semver::Version;
use serde::Serialize;
use signpost::{Access, Disk};

use super::{Context, Place, ledger};
use crate::args::HealthArguments;
use crate::boots::{Cause, Finding, Seen};
use crate::error::Error;
use crate::health::feeder::Feeder;
use crate::health::verdict::{self, Verdict};
use crate::health::{Deadline, checks, evidence, examine, restart, units};
use crate::host;

/// How long another program that changes the disk is waited for, at least.
const PATIENCE: Duration = Duration::from_secs(60);

/// Time between two looks whether it is done.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// What `health` found and did.
#[derive(Debug, Serialize)]
struct Report {
    /// The set that runs.
    set: SetId,
    /// Its version.
    version: Version,
    /// What was decided: `good`, `restart` or `stay-up`.
    verdict: &'static str,
    /// Why the boot is not good.
    cause: Option<Cause>,
    /// More about the cause.
    detail: Option<String>,
    /// Whether nothing was written because this is a dry run.
    dry_run: bool,
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { set, version, verdict, .. } = self;
        if self.dry_run {
            write!(out, "dry run: ")?;
        }
        match &self.cause {
            None => write!(out, "{version} in set {set} is good"),
            Some(cause) => {
                let then = if *verdict == "restart" { "restart" } else { "the host stays up" };
                write!(out, "{version} in set {set} is not good: {cause}: {then}")
            }
        }
    }
}

pub(super) fn run(
    context: &Context,
    arguments: &HealthArguments,
    now: DateTime<Utc>,
) -> Result<Outcome, Error> {
    let place = context.place(Access::Read)?;
    let host = host::read(&context.settings)?;
    let deadline = Deadline::after(context.settings.health.time_limit);
    let boot = Boot { context, place, host, deadline, now };
    if arguments.dry_run {
        let (finding, verdict) = boot.check();
        return boot.end(boot.report(finding, verdict, true));
    }
    boot.note_start();
    let feeder = boot.arm();
    let (finding, verdict) = boot.check();
    match verdict {
        Verdict::Good => boot.mark(feeder),
        Verdict::Restart => boot.restart(finding, feeder),
        Verdict::StayUp => boot.stay_up(finding, feeder),
    }
}

/// The boot that is judged.
struct Boot<'a> {
    context: &'a Context,
    place: Place,
    host: Host,
    deadline: Deadline,
    now: DateTime<Utc>,
}

impl Boot<'_> {
    /// Notes that this set has come so far, and what that says about the other one.
    fn note_start(&self) {
        let (settings, note) = (&self.context.settings.health, self.context.output);
        let active = self.place.active;
        let handover = evidence::handover(settings).unwrap_or_else(|error| {
            note.note(format_args!("warning: cannot read what the boot selector says: {error}"));
            None
        });
        let other = self.place.disk.release(active.other());
        let seen = Seen {
            set: active,
            version: self.host.version.clone(),
            root_hash: evidence::root_hash(settings),
            other_version: other.and_then(|release| release.version.parse().ok()),
            sets: self.place.disk.sets(),
            handover,
            boot: evidence::boot_id(settings),
            now: self.now,
        };
        ledger::note_or_warn(self.context, |ledger| ledger.note_start(&seen));
    }

    fn arm(&self) -> Option<Feeder> {
        let path = self.context.settings.health.watchdog.as_deref()?;
        match Feeder::start(path, self.deadline) {
            Ok(feeder) => Some(feeder),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => {
                let note = self.context.output;
                note.note(format_args!("warning: no watchdog {}: {error}", path.display()));
                None
            }
        }
    }

    /// Asks units and checks, and decides.
    fn check(&self) -> (Option<Finding>, Verdict) {
        let settings = &self.context.settings.health;
        let note = self.context.output;
        let units = units::wait(&settings.units, self.deadline, &|name| {
            note.note(format_args!("unit {name}"));
        });
        let finding = units.or_else(|| {
            checks::run(&settings.checks_dirs, self.deadline, &|name| {
                note.note(format_args!("health check {name}"));
            })
        });
        let verdict =
            verdict::decide(finding.is_none(), &self.place.disk.sets(), self.place.active);
        (finding, verdict)
    }

    /// Marks the boot good, and looks at what has failed before.
    fn mark(&self, feeder: Option<Feeder>) -> Result<Outcome, Error> {
        let marked = self.store_good();
        self.disarm(feeder);
        marked?;
        ledger::note_or_warn(self.context, |ledger| ledger.note_checks(None, false, Utc::now()));
        self.examine();
        self.end(self.report(None, Verdict::Good, false))
    }

    fn store_good(&self) -> Result<(), Error> {
        let other = self.place.active.other();
        let failed = ledger::failed_in(self.context, other);
        let mut disk = self.open_for_writing()?;
        let state = disk.state(self.place.active);
        let refused = |source| Error::Refusal { action: "mark the boot good", source };
        let tries = self.context.settings.health.tries;
        let mut good = state.mark_successful_boot_with(tries).map_err(refused)?;
        if failed && verdict::gives_up_other(&good.sets, good.active) {
            good = self.given_up(good);
        }
        disk.store(&good)?;
        Ok(())
    }

    /// The other set is not started again: its version has failed.
    fn given_up(&self, good: State) -> State {
        good.cancel_upgrade().unwrap_or_else(|refusal| {
            let other = good.inactive();
            let note = self.context.output;
            note.note(format_args!("warning: set {other} stays bootable: {refusal}"));
            good
        })
    }

    /// Waits for whoever changes the disk just now.
    fn open_for_writing(&self) -> Result<Disk, Error> {
        let patience = Deadline::after(PATIENCE.max(self.deadline.left()));
        loop {
            match Disk::open(self.place.disk.path(), Access::Write) {
                Err(signpost::Error::Locked { .. }) if !patience.is_over() => sleep(LOOK_AGAIN),
                opened => return Ok(opened?),
            }
        }
    }

    fn restart(&self, finding: Option<Finding>, feeder: Option<Feeder>) -> Result<Outcome, Error> {
        self.note_failure(finding.clone(), false);
        let report = self.report(finding, Verdict::Restart, false);
        let ended = self.end(report);
        // From here on the watchdog is what sees to the restart.
        feeder.into_iter().for_each(Feeder::leave_armed);
        if let Err(problem) = restart::ask(&self.context.settings.restart_command) {
            self.context.output.note(format_args!("the restart command failed: {problem}"));
            self.force()?;
        }
        ended
    }

    /// The last resort, on the machine that runs from this disk and nowhere else.
    fn force(&self) -> Result<(), Error> {
        if self.context.disk.is_some() {
            return Ok(());
        }
        let command = self.context.settings.restart_command.join(" ");
        Err(Error::Restart { command, source: restart::force() })
    }

    fn stay_up(&self, finding: Option<Finding>, feeder: Option<Feeder>) -> Result<Outcome, Error> {
        self.note_failure(finding.clone(), true);
        self.disarm(feeder);
        self.examine();
        self.end(self.report(finding, Verdict::StayUp, false))
    }

    fn note_failure(&self, finding: Option<Finding>, last: bool) {
        let now = Utc::now();
        ledger::note_or_warn(self.context, |ledger| ledger.note_checks(finding, last, now));
    }

    fn disarm(&self, feeder: Option<Feeder>) {
        if let Some(Err(error)) = feeder.map(Feeder::disarm) {
            let note = self.context.output;
            note.note(format_args!("warning: the watchdog stays armed: {error}"));
        }
    }

    /// Looks at the sets of failed attempts that left no word.
    fn examine(&self) {
        let Ok(ledger) = crate::boots::file::read(&self.context.settings.paths.state) else {
            return;
        };
        for (_, attempt) in ledger.to_examine() {
            let note = self.context.output;
            note.note(format_args!(
                "looks at set {}, where {} failed",
                attempt.set, attempt.version
            ));
            let corruption = examine::examine(&self.place.disk, attempt).unwrap_or_else(|error| {
                note.note(format_args!("warning: cannot look at set {}: {error}", attempt.set));
                None
            });
            let since = attempt.started.unwrap_or(attempt.noted);
            let finding =
                corruption.or_else(|| evidence::panic_since(&self.context.settings.health, since));
            ledger::note_or_warn(self.context, |ledger| {
                ledger.note_examined(attempt.set, &attempt.version, finding);
            });
        }
    }

    fn report(&self, finding: Option<Finding>, verdict: Verdict, dry_run: bool) -> Report {
        let (cause, detail) = finding.map(|it| (Some(it.cause), it.detail)).unwrap_or_default();
        Report {
            set: self.place.active,
            version: self.host.version.clone(),
            verdict: match verdict {
                Verdict::Good => "good",
                Verdict::Restart => "restart",
                Verdict::StayUp => "stay-up",
            },
            cause,
            detail,
            dry_run,
        }
    }

    /// Prints the report; a boot that is not good is an error.
    fn end(&self, report: Report) -> Result<Outcome, Error> {
        self.context.output.show(&report)?;
        let Report { set, version, cause, detail, .. } = report;
        match cause {
            None => Ok(Outcome::Done),
            Some(cause) => {
                let finding = Finding { cause, detail };
                Err(Error::Unhealthy { set, version, finding: finding.to_string() })
            }
        }
    }
}
