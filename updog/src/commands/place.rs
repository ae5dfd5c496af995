//! Where this run works: the disk, the set that runs, the set that may be written.

use cli::Progress;
use gptprio::{SetId, State, Tries};
use signpost::{Access, Disk, SetLayout, SystemRoot, Target};

use super::Context;
use crate::error::Error;
use crate::install::{CheckError, check_set};
use crate::output::Output;
use crate::staged::Staged;

/// A disk and the set of it that runs.
pub(super) struct Place {
    /// The disk, locked if it was opened for writing.
    pub(super) disk: Disk,
    /// The set that runs.
    pub(super) active: SetId,
}

impl Context {
    /// Opens the disk that the arguments name, or the one that holds `/`.
    pub(super) fn place(&self, access: Access) -> Result<Place, Error> {
        let host = SystemRoot::host();
        let target = Target::find(&host, self.disk.as_deref(), self.active)?;
        let active = target.active.ok_or(Error::ActiveUnknown)?;
        let disk = Disk::open(&target.disk, access)?;
        Ok(Place { disk, active })
    }
}

impl Place {
    /// The set that may be written.
    pub(super) fn inactive(&self) -> Result<(SetId, &SetLayout), Error> {
        let set = self.active.other();
        let missing = || Error::OneSet { disk: self.disk.path().to_owned(), set };
        Ok((set, self.disk.layout().set(set).ok_or_else(missing)?))
    }

    /// Whether the inactive set was marked valid: it has tries, and waits for its activation or has had it.
    pub(super) fn inactive_has_tries(&self) -> bool {
        let bits = self.disk.sets().bits(self.active.other());
        bits.is_some_and(|bits| bits.tries > Tries::ZERO && !bits.successful)
    }

    /// Reads the staged set back and compares it with its record.
    pub(super) fn check(&self, staged: &Staged, output: Output) -> Result<(), CheckError> {
        let Some(layout) = self.disk.layout().set(staged.set) else { return Ok(()) };
        let contents = &staged.contents;
        let lengths = [&contents.boot, &contents.root, &contents.hash].map(|image| image.length);
        let total = lengths.into_iter().fold(0, u64::saturating_add);
        let checking = Progress::new("check", total, output.quiet);
        check_set(self.disk.file(), layout, contents, &|bytes| checking.add(bytes))?;
        checking.finish();
        Ok(())
    }
}

/// The set that boots next, if any can.
pub(super) fn next(state: &State) -> Option<SetId> {
    gptprio::choose(&state.sets).map(|choice| choice.set)
}
