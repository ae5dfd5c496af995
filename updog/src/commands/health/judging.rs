//! What is asked before a boot is judged: units, checks, and the set itself while it is unproven.

use gptprio::SetId;

use super::Boot;
use crate::boots::{Attempt, Finding, Ledger};
use crate::commands::ledger;
use crate::health::verdict::{self, Verdict};
use crate::health::{checks, evidence, examine, units};

impl Boot<'_> {
    /// Asks units and checks, reads the set back, and decides.
    pub(super) fn check(&self) -> (Option<Finding>, Verdict) {
        let finding = self.units().or_else(|| self.checks()).or_else(|| self.read_back());
        let verdict =
            verdict::decide(finding.is_none(), &self.place.disk.sets(), self.place.active);
        (finding, verdict)
    }

    fn units(&self) -> Option<Finding> {
        let (settings, note) = (&self.context.settings.health, self.context.output);
        let told = |name: &str| note.note(format_args!("unit {name}"));
        units::wait(&self.units, self.deadline, &told)
            .or_else(|| units::settle(&self.units, settings.settle, self.deadline))
    }

    fn checks(&self) -> Option<Finding> {
        let (settings, note) = (&self.context.settings.health, self.context.output);
        checks::run(&settings.checks_dirs, self.deadline, &|name| {
            note.note(format_args!("health check {name}"));
        })
    }

    /// Reads a set that was not proven yet: a block that no start has needed so far would otherwise be found bad only when the boot is good.
    fn read_back(&self) -> Option<Finding> {
        let active = self.place.active;
        let proven = self.place.disk.sets().bits(active).is_some_and(|bits| bits.successful);
        if proven || !self.context.settings.health.verify_set {
            return None;
        }
        let attempt = self.recorded(active)?;
        self.context.output.note(format_args!("reads set {active} back"));
        examine::read_back(self.place.disk.path(), attempt, self.deadline)
    }

    /// What is known of what the running set holds. What the kernel verifies its root against counts more than what was recorded: the same version
    /// may have been put there again by other means.
    fn recorded(&self, set: SetId) -> Option<Attempt> {
        let known = ledger::known(self.context, &self.place, &self.host.version, self.now);
        let mut attempt = known.unwrap_or_else(|_| self.unrecorded()).last(set)?.clone();
        if let Some(kernels) = evidence::root_hash(&self.context.settings.health) {
            attempt.root_hash = Some(kernels);
            attempt.contents = attempt.contents.filter(|it| it.root_hash == kernels);
        }
        Some(attempt)
    }

    /// What the machine itself tells, where the ledger cannot be read.
    fn unrecorded(&self) -> Ledger {
        let mut ledger = Ledger::default();
        ledger.note_start(&ledger::seen(self.context, &self.place, &self.host.version, self.now));
        ledger
    }
}
