//! The kernel's command line.
//!
//! What the initial RAM filesystem has to know of the root image stands in one parameter:
//!
//! ```text
//! waystone.verity=1,<data blocks>,<root hash>,<salt>
//! ```
//!
//! `1` is the format of the parameter; the blocks have 4096 bytes; hash and salt are hexadecimal, an empty salt is `-`.
//! The hash algorithm is SHA-256, and the tree begins at the second block of the hash partition. Which set's partitions
//! to take is not said here: the same image boots from either set.

use std::fmt;
use std::str::FromStr;

use verity::{RootHash, Salt};

/// The longest command line that kernels take, without the NUL at its end: `COMMAND_LINE_SIZE` of x86.
const MAX_LENGTH: usize = 2047;

/// Parameters that only this program sets.
const OWN: [&str; 5] = ["waystone.verity", "root", "rootfstype", "ro", "rw"];

/// Why a text is no command line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandLineError {
    /// It has a parameter that the builder sets.
    #[error("'{0}=' is set by the builder")]
    Own(&'static str),
    /// It has a byte that is no printable ASCII character.
    #[error("it has other characters than printable ASCII")]
    Characters,
    /// It is too long for the kernel.
    #[error("it has {0} characters, and the kernel takes {MAX_LENGTH}")]
    TooLong(usize),
    /// The parameter with the facts of the root image is not what it should be.
    #[error("'{0}' is no waystone.verity parameter: 1,<data blocks>,<root hash>,<salt>")]
    Verity(String),
}

/// A kernel command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine(String);

/// What the initial RAM filesystem has to know of the root image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerityParameter {
    /// Data blocks of 4096 bytes.
    pub data_blocks: u64,
    /// Root hash.
    pub root_hash: RootHash,
    /// Salt.
    pub salt: Salt,
}

/// Checks what a spec adds to the command line.
///
/// # Errors
///
/// Refuses what the builder sets itself, and characters that are not printable ASCII.
pub fn check_extra(extra: &str) -> Result<(), CommandLineError> {
    if !extra.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(CommandLineError::Characters);
    }
    let names = || extra.split(' ').map(|word| word.split('=').next().unwrap_or(word));
    let own = OWN.into_iter().find(|own| names().any(|name| name == *own));
    own.map_or(Ok(()), |own| Err(CommandLineError::Own(own)))
}

impl CommandLine {
    /// The command line for a root image.
    ///
    /// # Errors
    ///
    /// Refuses an extra that cannot be taken, and a line that is too long for the kernel.
    pub fn new(
        verity: &VerityParameter,
        filesystem: &str,
        extra: &str,
    ) -> Result<Self, CommandLineError> {
        check_extra(extra)?;
        let mut line = format!("waystone.verity={verity} rootfstype={filesystem} ro");
        for word in extra.split(' ').filter(|word| !word.is_empty()) {
            line.push(' ');
            line.push_str(word);
        }
        if line.len() > MAX_LENGTH {
            return Err(CommandLineError::TooLong(line.len()));
        }
        Ok(Self(line))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl VerityParameter {
    /// The parameter in a command line, if there is one.
    ///
    /// # Errors
    ///
    /// Refuses one of another format.
    pub fn in_command_line(line: &str) -> Result<Option<Self>, CommandLineError> {
        let value =
            line.split_ascii_whitespace().find_map(|word| word.strip_prefix("waystone.verity="));
        value.map(str::parse).transpose()
    }
}

impl fmt::Display for VerityParameter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "1,{},{},{}", self.data_blocks, self.root_hash, self.salt)
    }
}

impl FromStr for VerityParameter {
    type Err = CommandLineError;

    fn from_str(text: &str) -> Result<Self, CommandLineError> {
        let wrong = || CommandLineError::Verity(text.to_owned());
        let fields: Vec<&str> = text.split(',').collect();
        let ["1", blocks, root_hash, salt] = fields.as_slice() else { return Err(wrong()) };
        Ok(Self {
            data_blocks: blocks.parse().map_err(|_| wrong())?,
            root_hash: root_hash.parse().map_err(|_| wrong())?,
            salt: salt.parse().map_err(|_| wrong())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter() -> VerityParameter {
        let salt = Salt::new([0xab; 32]).expect("short");
        VerityParameter { data_blocks: 141_045, root_hash: RootHash([0x12; 32]), salt }
    }

    #[test]
    fn facts_are_read_back() {
        let line =
            CommandLine::new(&parameter(), "erofs", " console=ttyS0  quiet ").expect("plain");
        assert!(line.as_str().ends_with(" rootfstype=erofs ro console=ttyS0 quiet"));
        assert_eq!(VerityParameter::in_command_line(line.as_str()), Ok(Some(parameter())));
        assert_eq!(VerityParameter::in_command_line("quiet"), Ok(None));
    }

    #[test]
    fn damaged_facts_are_refused() {
        let good = parameter().to_string();
        for bad in [&good[1..], &good[..good.len() - 1], "", "1", "2,1,,", &format!("{good},x")] {
            assert!(bad.parse::<VerityParameter>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_the_builder_sets_cannot_be_set_again() {
        for (extra, own) in [
            ("quiet root=/dev/sda1", "root"),
            ("rw", "rw"),
            ("waystone.verity=1", "waystone.verity"),
            ("rootfstype=xfs", "rootfstype"),
        ] {
            assert_eq!(check_extra(extra), Err(CommandLineError::Own(own)));
        }
        assert_eq!(check_extra("rootwait roots=1 rootflags=x"), Ok(()));
        assert_eq!(check_extra("a\nb"), Err(CommandLineError::Characters));
        assert_eq!(check_extra("\u{e4}"), Err(CommandLineError::Characters));
    }

    #[test]
    fn a_line_that_the_kernel_would_cut_is_refused() {
        let long = "x".repeat(2000);
        assert!(matches!(
            CommandLine::new(&parameter(), "erofs", &long),
            Err(CommandLineError::TooLong(_))
        ));
    }
}
