//! A boot that is good: the mark on the disk, then in the ledger.

use std::thread::sleep;
use std::time::Duration;

use chrono::Utc;
use cli::Outcome;
use gptprio::{Sets, State};
use signpost::{Access, Disk};

use super::Boot;
use crate::boots::{Attempt, Cause, Finding};
use crate::commands::ledger;
use crate::error::{Error, chain};
use crate::health::Deadline;
use crate::health::feeder::Feeder;
use crate::health::verdict::{self, Verdict};

/// How long another program that changes the disk is waited for, at least.
const PATIENCE: Duration = Duration::from_secs(60);

/// Time between two looks whether it is done.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

impl Boot<'_> {
    /// Marks the boot good, and looks at what has failed before.
    pub(super) fn mark(&self, feeder: Option<Feeder>) -> Result<Outcome, Error> {
        let marked = self.store_good();
        self.disarm(feeder);
        let sets = marked.inspect_err(|error| self.note_unmarked(error))?;
        ledger::note_or_warn(self.context, |ledger| ledger.note_good(&sets, Utc::now()));
        self.examine();
        self.end(self.report(None, Verdict::Good, false))
    }

    /// The set stays unproven: if it gives way, this is why.
    fn note_unmarked(&self, error: &Error) {
        let finding = Finding::plain(Cause::cannot_mark(&chain(error)));
        self.note_failure(Some(&finding), false);
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
}
