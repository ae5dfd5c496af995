//! `health`: notes the start, runs the checks, and marks the boot good or sees to a restart.

mod judging;
mod marking;
mod report;
mod restarting;
mod unseen;

use chrono::{DateTime, Utc};
use cli::Outcome;
use signpost::Access;

use super::{Context, Place, ledger};
use crate::args::HealthArguments;
use crate::boots::Finding;
use crate::error::Error;
use crate::health::feeder::Feeder;
use crate::health::verdict::Verdict;
use crate::health::{Deadline, examine};
use crate::host::{self, Running};
use crate::seen::journal::{Event, Journal};
use report::Report;
pub(super) use unseen::judge as judge_unseen;

pub(super) fn run(
    context: &Context,
    arguments: &HealthArguments,
    now: DateTime<Utc>,
) -> Result<Outcome, Error> {
    let boot = match Boot::begin(context, &arguments.units, now) {
        Ok(boot) => boot,
        Err(error) if arguments.dry_run => return Err(error),
        Err(error) => return Err(judge_unseen(context, error, now)),
    };
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
    host: Running,
    /// Units that have to be active: those of the configuration, then those of the command line.
    units: Vec<String>,
    deadline: Deadline,
    now: DateTime<Utc>,
}

impl<'a> Boot<'a> {
    fn begin(context: &'a Context, units: &[String], now: DateTime<Utc>) -> Result<Self, Error> {
        let place = context.place(Access::Read)?;
        let host = host::running(&context.settings)?;
        let units = [&context.settings.health.units, units].concat();
        let deadline = Deadline::after(context.settings.health.time_limit);
        Ok(Self { context, place, host, units, deadline, now })
    }

    /// Notes that this set has come so far, and what that says about the other one.
    fn note_start(&self) {
        let seen = ledger::seen(self.context, &self.place, &self.host.version, self.now);
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

    fn stay_up(&self, finding: Option<Finding>, feeder: Option<Feeder>) -> Result<Outcome, Error> {
        self.note_failure(finding.as_ref(), true);
        self.disarm(feeder);
        self.examine();
        self.end(self.report(finding, Verdict::StayUp, false))
    }

    fn note_failure(&self, finding: Option<&Finding>, last: bool) {
        let Some(finding) = finding.cloned() else { return };
        let (version, set) = (self.host.version.clone(), self.place.active);
        let reason = finding.to_string();
        Journal::host().tell(&Event::BootBad { version, set, reason });
        ledger::note_or_warn(self.context, |ledger| ledger.note_bad(finding, last, Utc::now()));
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
            ledger::note_or_warn(self.context, |ledger| {
                ledger.note_examined(attempt.set, &attempt.version, corruption);
            });
        }
    }

    fn report(&self, finding: Option<Finding>, verdict: Verdict, dry_run: bool) -> Report {
        let version = self.host.version.clone();
        Report::new(self.place.active, version, verdict, finding, dry_run)
    }

    /// Prints the report; a boot that is not good is an error.
    fn end(&self, report: Report) -> Result<Outcome, Error> {
        self.context.output.show(&report)?;
        report.outcome()
    }
}
