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

/// Where settings come from and go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// From one store to another.
    Folders {
        /// The store that is read.
        source: PathBuf,
        /// The store that is made.
        target: PathBuf,
    },
    /// From standard input to standard output, as a [stream](datastore::stream).
    Stream,
}

/// What a migration is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arguments {
    /// Which way.
    pub direction: Direction,
    /// From where to where.
    pub way: Way,
}

impl Arguments {
    /// Reads a command line, without the program's name.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] for anything unknown, doubled or missing.
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self> {
        let mut arguments = arguments.into_iter();
        let (mut direction, mut source, mut target, mut stream) = (None, None, None, None);
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
                Some("--stream") => once(&mut stream, ())?,
                _ => return Err(usage(format!("{} is unknown", argument.display()))),
            }
        }
        Ok(Self {
            direction: direction.ok_or_else(|| usage("no direction"))?,
            way: match stream {
                None => Way::folders(source, target)?,
                Some(()) if source.or(target).is_none() => Way::Stream,
                Some(()) => return Err(usage("a stream and a data store")),
            },
        })
    }
}

impl Way {
    fn folders(source: Option<PathBuf>, target: Option<PathBuf>) -> Result<Self> {
        Ok(Self::Folders {
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
        let way = Way::Folders { source: "a".into(), target: "b".into() };
        let expected = Arguments { direction: Direction::Backward, way };
        for line in [
            "--backward --source-datastore a --target-datastore b",
            "--target-datastore b --source-datastore a --backward",
        ] {
            assert_eq!(parse(line).unwrap(), expected, "{line}");
        }
    }

    #[test]
    fn a_stream_needs_no_stores() {
        let expected = Arguments { direction: Direction::Forward, way: Way::Stream };
        assert_eq!(parse("--forward --stream").unwrap(), expected);
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
            "--stream",
            "--forward --stream --stream",
            "--forward --stream --source-datastore a",
            "--forward --stream --source-datastore a --target-datastore b",
        ] {
            assert!(matches!(parse(line), Err(Error::Usage(_))), "{line}");
        }
    }
}
