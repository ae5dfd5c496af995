//! The version that runs, from os-release.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use semver::Version;

use super::error::ProgramError;

/// How much of the file is read, in bytes.
const MAX_LENGTH: u64 = 64 << 10;

/// Reads `VERSION_ID`.
pub(crate) fn version(path: &Path) -> Result<Version, ProgramError> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_LENGTH).read_to_string(&mut text));
    read.map_err(|source| ProgramError::Read { path: path.to_owned(), source })?;
    parse(&text).map_err(|problem| ProgramError::OsRelease { path: path.to_owned(), problem })
}

/// The value of `VERSION_ID`, the last one if it is there twice, as a shell would read it.
fn parse(text: &str) -> Result<Version, String> {
    let value = text.lines().rev().find_map(|line| line.trim().strip_prefix("VERSION_ID="));
    let value = value.ok_or("VERSION_ID is missing")?;
    let quoted = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    let value = quoted('"').or_else(|| quoted('\'')).unwrap_or(value);
    Version::parse(value)
        .map_err(|error| format!("VERSION_ID {value:?} is not a semantic version: {error}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_taken_off_and_the_last_line_wins() {
        for text in
            ["VERSION_ID=1.6.0\n", "VERSION_ID='12'\n VERSION_ID=\"1.6.0\"", "VERSION_ID='1.6.0'"]
        {
            assert_eq!(parse(text).unwrap(), Version::new(1, 6, 0), "{text}");
        }
    }

    #[test]
    fn what_is_no_version_is_told() {
        assert_eq!(parse("VERSION_ID_LIKE=1.6.0").unwrap_err(), "VERSION_ID is missing");
        assert!(parse("VERSION_ID=12").unwrap_err().contains("not a semantic version"));
    }
}
