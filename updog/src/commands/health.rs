//! `health`: notes the start, runs the checks, and marks the boot good or sees to a restart.

mod report;

use std::thread::sleep;
use std::time::Duration;

use chrono::{DateTime, Utc};
use cli::Outcome;
use gptprio::{Sets, State};
use manifest::Host;
use signpost::{Access, Disk};

use super::{Context, Place, ledger};
use crate::args::HealthArguments;
use crate::boots::{Attempt, Finding};
use crate::error::Error;
use crate::health::feeder::Feeder;
use crate::health::verdict::{self, Verdict};
use crate::health::{Deadline, checks, examine, restart, units};
use crate::host;
use report::Report;

/// How long another program that changes the disk is waited for, at least.
const PATIENCE: Duration = Duration::from_secs(60);

/// Time between two looks whether it is done.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

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
        let seen = ledger::seen(self.context, &self.place, &self.host, self.now);
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
        let sets = marked?;
        ledger::note_or_warn(self.context, |ledger| ledger.note_good(&sets, Utc::now()));
        self.examine();
        self.end(self.report(None, Verdict::Good, false))
    }

    /// The bits of the sets that were stored.
    fn store_good(&self) -> Result<Sets, Error> {
        let last = |set| ledger::last(self.context, set, Attempt::clone);
        let active = self.place.active;
        let failed = last(active.other()).is_some_and(|last| last.stands_as_failed());
        let panics = last(active).map_or(0, |last| last.panics);
        let mut disk = self.open_for_writing()?;
        let refused = |source| Error::Refusal { action: "mark the boot good", source };
        let tries = self.context.settings.health.tries;
        let mut good = verdict::proven(disk.state(active), tries, panics > 0).map_err(refused)?;
        if failed && verdict::gives_up_other(&good.sets, active) {
            good = self.given_up(good);
        }
        disk.store(&good)?;
        self.tell_panics(panics, &good.sets);
        Ok(good.sets)
    }

    fn tell_panics(&self, panics: u32, sets: &Sets) {
        let bits = sets.bits(self.place.active).unwrap_or_default();
        if panics > 0 && bits.tries < self.context.settings.health.tries {
            let (note, tries) = (self.context.output, bits.tries);
            note.note(format_args!(
                "warning: the last start ended in a panic ({panics} in a row): \
                 the set gets no new tries and has {tries} left"
            ));
        }
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
        self.note_failure(finding.as_ref(), false);
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
        self.note_failure(finding.as_ref(), true);
        self.disarm(feeder);
        self.examine();
        self.end(self.report(finding, Verdict::StayUp, false))
    }

    fn note_failure(&self, finding: Option<&Finding>, last: bool) {
        let Some(finding) = finding.cloned() else { return };
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
