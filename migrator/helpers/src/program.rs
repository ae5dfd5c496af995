//! A migration as a program.

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

use datastore::Store;

use crate::{Arguments, Change, Direction, Error, Result};

/// What a `main` returns: reads the command line, makes the changes, and tells on standard error what went wrong.
pub fn run(changes: impl FnOnce() -> Result<Vec<Change>>) -> ExitCode {
    let carried = Arguments::parse(env::args_os().skip(1))
        .and_then(|arguments| carry(&arguments, &changes()?));
    match carried {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell if standard error is closed.
            let _ = writeln!(io::stderr().lock(), "{error}");
            ExitCode::from(if matches!(error, Error::Usage(_)) { 2 } else { 1 })
        }
    }
}

/// Makes the target of the source, area by area.
///
/// # Errors
///
/// Fails when the source is not whole, the target is there already, or a change does not fit.
pub fn carry(arguments: &Arguments, changes: &[Change]) -> Result<()> {
    let source = Store::open(&arguments.source)?;
    let target = Store::create(&arguments.target)?;
    for (area, mut contents) in source.read_all()? {
        let mut apply = |change: &Change| change.apply(arguments.direction, &area, &mut contents);
        match arguments.direction {
            Direction::Forward => changes.iter().try_for_each(&mut apply)?,
            Direction::Backward => changes.iter().rev().try_for_each(&mut apply)?,
        }
        target.write(&area, &contents)?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::key;

    #[test]
    fn live_and_pending_go_there_and_back() {
        let folder = tempfile::tempdir().unwrap();
        let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../../fixtures/datastore/v1.5.2_0123456789abcdef");
        let (old, new) = (key("settings.host.name").unwrap(), key("settings.hostname").unwrap());
        let changes = [
            Change::rename(old.clone(), new.clone()),
            Change::replace(new.clone(), "worker-7", "worker-9"),
        ];
        let (there, back) = (folder.path().join("there"), folder.path().join("back"));
        let call = |direction, source: &PathBuf, target: &PathBuf| {
            let arguments = Arguments { direction, source: source.clone(), target: target.clone() };
            carry(&arguments, &changes).unwrap();
        };
        call(Direction::Forward, &golden, &there);
        call(Direction::Backward, &there, &back);
        let all = |path: &PathBuf| Store::open(path).unwrap().read_all().unwrap();
        assert_eq!(all(&back), all(&golden));
        for (area, contents) in all(&there) {
            assert!(!contents.data.contains_key(&old), "{area:?}");
            assert!(contents.data.contains_key(&new), "{area:?}");
        }
        let arguments =
            Arguments { direction: Direction::Forward, source: golden.clone(), target: there };
        assert!(carry(&arguments, &changes).is_err(), "the target is there");
    }
}
