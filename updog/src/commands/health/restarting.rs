//! A boot that is not good, on a host that has a better set to go to.

use cli::Outcome;

use super::Boot;
use crate::boots::Finding;
use crate::commands::Context;
use crate::error::Error;
use crate::health::feeder::Feeder;
use crate::health::restart::{self, Force};
use crate::health::verdict::Verdict;

impl Boot<'_> {
    pub(super) fn restart(
        &self,
        finding: Option<Finding>,
        feeder: Option<Feeder>,
    ) -> Result<Outcome, Error> {
        self.note_failure(finding.as_ref(), false);
        let ended = self.end(self.report(finding, Verdict::Restart, false));
        restart(self.context, feeder)?;
        ended
    }
}

/// Asks for a restart and sees to it. The machine that runs from this disk does not come back from here; for one that is only played, with
/// `--disk`, the command is all.
pub(super) fn restart(context: &Context, feeder: Option<Feeder>) -> Result<(), Error> {
    // From here on the watchdog is what sees to the restart, where there is one.
    feeder.into_iter().for_each(Feeder::leave_armed);
    let command = &context.settings.restart_command;
    let asked = restart::ask(command);
    if let Err(problem) = &asked {
        context.output.note(format_args!("the restart command failed: {problem}"));
    }
    if context.disk.is_some() {
        return Ok(());
    }
    let source = Force::OF_THE_KERNEL.after(&asked);
    Err(Error::Restart { command: command.join(" "), source })
}
