//! A migration as a program.

use std::collections::BTreeMap;
use std::env;
use std::hint::black_box;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use datastore::{Area, Contents, Store, stream};

use crate::{Arguments, Change, Direction, Error, Result, Way};

/// Tells whoever has the program's bytes that it can be called with `--stream`. Nobody else than [`run`] may refer to it, which keeps the promise.
static WORKS_IN_A_STREAM: [u8; stream::MARKER.len()] = stream::MARKER;

/// All settings, by area.
type Settings = BTreeMap<Area, Contents>;

/// What a `main` returns: reads the command line, makes the changes, and tells on standard error what went wrong.
pub fn run(changes: impl FnOnce() -> Result<Vec<Change>>) -> ExitCode {
    // As far as the compiler knows it is read here, so that no linker leaves it out.
    black_box(&WORKS_IN_A_STREAM);
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

/// Makes the settings of the target from those of the source.
///
/// # Errors
///
/// Fails when the source is not whole, the target is there already, or a change does not fit.
pub fn carry(arguments: &Arguments, changes: &[Change]) -> Result<()> {
    match &arguments.way {
        Way::Folders { source, target } => {
            carry_folders((source, target), arguments.direction, changes)
        }
        Way::Stream => {
            carry_stream((io::stdin().lock(), io::stdout().lock()), arguments.direction, changes)
        }
    }
}

fn carry_folders(
    (source, target): (&Path, &Path),
    direction: Direction,
    changes: &[Change],
) -> Result<()> {
    let source = Store::open(source)?;
    let target = Store::create(target)?;
    for (area, contents) in &changed(source.read_all()?, direction, changes)? {
        target.write(area, contents)?;
    }
    Ok(())
}

fn carry_stream(
    (input, output): (impl Read, impl Write),
    direction: Direction,
    changes: &[Change],
) -> Result<()> {
    let cannot = |action| move |cause| Error::Stream { action, cause };
    let mut bytes = Vec::new();
    let limit = u64::try_from(stream::MAX_LENGTH).unwrap_or(u64::MAX).saturating_add(1);
    input.take(limit).read_to_end(&mut bytes).map_err(cannot("read the settings"))?;
    let settings = stream::read(&bytes)?;
    drop(bytes);
    let settings = changed(settings, direction, changes)?;
    let mut output = BufWriter::with_capacity(64 << 10, output);
    let written = stream::write(&settings, &mut output).and_then(|()| output.flush());
    written.map_err(cannot("write the settings"))
}

/// Makes all changes in every area, or undoes them in reverse order.
fn changed(mut settings: Settings, direction: Direction, changes: &[Change]) -> Result<Settings> {
    for (area, contents) in &mut settings {
        let mut apply = |change: &Change| change.apply(direction, area, contents);
        match direction {
            Direction::Forward => changes.iter().try_for_each(&mut apply)?,
            Direction::Backward => changes.iter().rev().try_for_each(&mut apply)?,
        }
    }
    Ok(settings)
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
            let way = Way::Folders { source: source.clone(), target: target.clone() };
            let arguments = Arguments { direction, way };
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
        let way = Way::Folders { source: golden.clone(), target: there };
        let arguments = Arguments { direction: Direction::Forward, way };
        assert!(carry(&arguments, &changes).is_err(), "the target is there");
    }

    #[test]
    fn a_stream_is_changed_as_a_store_is_and_a_cut_one_is_refused() {
        let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../../fixtures/datastore/v1.5.2_0123456789abcdef");
        let all = Store::open(&golden).unwrap().read_all().unwrap();
        let changes = [Change::rename(key("settings.host").unwrap(), key("settings.x").unwrap())];
        let (mut input, mut output) = (Vec::new(), Vec::new());
        stream::write(&all, &mut input).unwrap();
        carry_stream((&*input, &mut output), Direction::Forward, &changes).unwrap();
        let there = changed(all.clone(), Direction::Forward, &changes).unwrap();
        assert_ne!(there, all);
        assert_eq!(stream::read(&output).unwrap(), there);
        let cut = &input[..input.len() - 1];
        assert!(carry_stream((cut, &mut output), Direction::Forward, &changes).is_err());
    }
}
