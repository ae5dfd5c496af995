//! How a migration is called.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::{Error, Result};

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the settings of the release.
    Forward,
    /// To those of before.
    Backward,
}

/// What a migration is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arguments {
    /// Which way.
    pub direction: Direction,
    /// The store that it reads.
    pub source: PathBuf,
    /// The store that it makes.
    pub target: PathBuf,
}

impl Arguments {
    /// Reads a command line, without the program's name.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] for anything unknown, doubled or missing.
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self> {
        let mut arguments = arguments.into_iter();
        let (mut direction, mut source, mut target) = (None, None, None);
        while let Some(argument) = arguments.next() {
            let mut path = |name: &str| {
                arguments
                    .next()
                    .map(PathBuf::from)
                    .ok_or_else(|| usage(format!("{name} has no path")))
            };
            match argument.to_str() {
                Some("--forward") => once(&mut direction, Direction::Forward)?,
                Some("--backward") => once(&mut direction, Direction::Backward)?,
                Some(name @ "--source-datastore") => once(&mut source, path(name)?)?,
                Some(name @ "--target-datastore") => once(&mut target, path(name)?)?,
                _ => return Err(usage(format!("{} is unknown", argument.display()))),
            }
        }
        Ok(Self {
            direction: direction.ok_or_else(|| usage("no direction"))?,
            source: source.ok_or_else(|| usage("no --source-datastore"))?,
            target: target.ok_or_else(|| usage("no --target-datastore"))?,
        })
    }
}

fn once<T>(place: &mut Option<T>, value: T) -> Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(usage("something is said twice")),
    }
}

fn usage(problem: impl Into<String>) -> Error {
    Error::Usage(problem.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments> {
        Arguments::parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn direction_and_both_stores_in_any_order() {
        let expected =
            Arguments { direction: Direction::Backward, source: "a".into(), target: "b".into() };
        for line in [
            "--backward --source-datastore a --target-datastore b",
            "--target-datastore b --source-datastore a --backward",
        ] {
            assert_eq!(parse(line).unwrap(), expected, "{line}");
        }
    }

    #[test]
    fn anything_else_is_wrong_usage() {
        for line in [
            "",
            "--forward",
            "--forward --source-datastore a",
            "--forward --source-datastore a --target-datastore",
            "--forward --backward --source-datastore a --target-datastore b",
            "--forward --source-datastore a --source-datastore a --target-datastore b",
            "--forward --source-datastore a --target-datastore b c",
        ] {
            assert!(matches!(parse(line), Err(Error::Usage(_))), "{line}");
        }
    }
}
