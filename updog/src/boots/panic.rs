//! Whose panic it was: the records that are new since the last note, and the set that they belong to.
//!
//! Where that cannot be known the panic is nobody's: to count it for the wrong set could drive a host away from the one that works.

use gptprio::SetId;

use super::start::Left;
use super::{Finding, Ledger, PanicRecord, Seen};

/// A panic since the last note.
pub(super) struct Panic {
    finding: Option<Finding>,
    /// The set whose kernel it was, where that is known.
    set: Option<SetId>,
}

impl Panic {
    /// The panic, if it was this set's.
    pub(super) fn of(&self, set: SetId) -> Option<Finding> {
        self.finding.clone().filter(|_| self.set == Some(set))
    }
}

impl Ledger {
    /// The panic since the last note, if there was one.
    pub(super) fn panic_before(&self, seen: &Seen) -> Panic {
        let (mut finding, set) = (self.new_panic(seen), self.panicked(seen));
        let checking = set.and_then(|set| self.last(set)).is_some_and(|last| last.unfinished);
        if let Some(finding) = finding.as_mut().filter(|_| checking) {
            finding.cause = finding.cause.clone().while_checking();
        }
        Panic { finding, set }
    }

    /// The last panic since the last note. Where nobody has looked for records before, those count that are younger than what is
    /// noted: without a note, none.
    fn new_panic(&self, seen: &Seen) -> Option<Finding> {
        let noted = self.attempts.iter().map(|one| one.started.unwrap_or(one.noted)).max();
        let is_new = |record: &&PanicRecord| match &self.known_records {
            Some(known) => !known.knows(record),
            None => noted.is_some_and(|noted| record.time >= noted),
        };
        seen.panics.iter().rev().find(is_new).map(|record| record.finding.clone())
    }

    /// Which set a panic since the last note belongs to: the one that is found to have failed now, or the one that ran at the
    /// last note, if it was that one's turn again. Else nobody knows.
    fn panicked(&self, seen: &Seen) -> Option<SetId> {
        if self.left(seen) == Left::Failed(None) {
            return Some(seen.set.other());
        }
        let running = self.running.as_ref()?;
        let replaced = running.set == seen.set && running.version != seen.version;
        let its_turn = running.next.is_none_or(|next| next == running.set);
        (its_turn && !replaced).then_some(running.set)
    }
}
