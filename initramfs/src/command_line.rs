//! What the kernel's command line asks for.

use std::path::PathBuf;
use std::str::FromStr;

use gptprio::SetId;
use thiserror::Error;
use verity::{BootParameter, BootParameterError};

/// The parameter that arms the watchdog.
const WATCHDOG: &str = watchdog::PARAMETER;

/// The parameter that names the set on a machine without variables of a firmware.
const SET: &str = "waystone.set";

/// What is to be booted, as far as the command line says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    /// `waystone.verity=`: what the root image must be.
    pub verity: BootParameter,
    /// `waystone.set=`: the set, if it is said here.
    pub set: Option<SetId>,
    /// `rootfstype=`: the filesystem of the root image.
    pub filesystem: String,
    /// `rootflags=`: further options for mounting it.
    pub flags: String,
    /// `waystone.watchdog=`: in how many seconds userland has to take the watchdog over.
    pub watchdog: Option<i32>,
    /// `init=`: the program to start, `/sbin/init` if nothing is said.
    pub init: PathBuf,
}

/// Why a command line does not say what to boot.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CommandLineError {
    /// A parameter that is needed is not there.
    #[error("the kernel's command line has no {0}=")]
    Missing(&'static str),
    /// A parameter of ours is there twice: only one of them can be meant.
    #[error("the kernel's command line has {0}= more than once")]
    Doubled(&'static str),
    /// The root image is not described as it should be.
    #[error(transparent)]
    Verity(#[from] BootParameterError),
    /// There is no such set.
    #[error("{SET}={0} names no set: A or B does")]
    Set(String),
    /// There is no such time.
    #[error("{WATCHDOG}={0} is no time in seconds, 1 to 65535")]
    Watchdog(String),
    /// The program is not named from the root.
    #[error("init={0} is no absolute path")]
    Init(String),
}

impl FromStr for CommandLine {
    type Err = CommandLineError;

    /// Reads a command line. Of the kernel's own parameters the last one counts, as it does for the kernel.
    fn from_str(line: &str) -> Result<Self, CommandLineError> {
        let words = words(line);
        let last = |name| values(&words, name).next_back();
        let needed = |name| last(name).ok_or(CommandLineError::Missing(name));
        let verity = once(&words, BootParameter::NAME)?;
        let verity = verity.ok_or(CommandLineError::Missing(BootParameter::NAME))?;
        Ok(Self {
            verity: verity.parse()?,
            set: once(&words, SET)?.map(set).transpose()?,
            filesystem: needed("rootfstype")?.to_owned(),
            flags: last("rootflags").unwrap_or_default().to_owned(),
            watchdog: once(&words, WATCHDOG)?.map(seconds).transpose()?,
            init: init(last("init").unwrap_or("/sbin/init"))?,
        })
    }
}

/// The values of a parameter.
fn values<'a>(words: &'a [String], name: &str) -> impl DoubleEndedIterator<Item = &'a str> {
    words.iter().filter_map(move |word| word.strip_prefix(name)?.strip_prefix('='))
}

/// The value of a parameter of ours.
fn once<'a>(words: &'a [String], name: &'static str) -> Result<Option<&'a str>, CommandLineError> {
    let mut values = values(words, name);
    let value = values.next();
    if values.next().is_some() { Err(CommandLineError::Doubled(name)) } else { Ok(value) }
}

fn set(text: &str) -> Result<SetId, CommandLineError> {
    text.parse().map_err(|_| CommandLineError::Set(text.to_owned()))
}

fn seconds(text: &str) -> Result<i32, CommandLineError> {
    watchdog::seconds(text).ok_or_else(|| CommandLineError::Watchdog(text.to_owned()))
}

fn init(text: &str) -> Result<PathBuf, CommandLineError> {
    if text.starts_with('/') { Ok(text.into()) } else { Err(CommandLineError::Init(text.into())) }
}

/// The words of a command line as the kernel reads it: blanks in double quotes part no words, and what follows `--`
/// is for the program that is started.
fn words(line: &str) -> Vec<String> {
    let mut quoted = false;
    let ends_word = |char: char| {
        quoted ^= char == '"';
        char.is_ascii_whitespace() && !quoted
    };
    let words = line.split(ends_word).map(|word| word.replace('"', ""));
    words.filter(|word| !word.is_empty()).take_while(|word| word != "--").collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HASH: &str = "1111111111111111111111111111111111111111111111111111111111111111";

    fn parse(line: &str) -> Result<CommandLine, CommandLineError> {
        line.replace("VERITY", &format!("waystone.verity=1,7,{HASH},ab")).parse()
    }

    #[test]
    fn what_the_builder_writes_is_read() {
        let line = parse("VERITY rootfstype=erofs ro gpt panic=1 console=ttyS0\n").unwrap();
        assert_eq!(line.verity.to_string(), format!("1,7,{HASH},ab"));
        assert_eq!((line.set, line.filesystem.as_str()), (None, "erofs"));
        assert_eq!((line.flags.as_str(), line.init), ("", "/sbin/init".into()));
    }

    #[test]
    fn the_set_may_be_said_by_hand() {
        for (text, wanted) in [("A", Ok(Some(SetId::A))), ("B", Ok(Some(SetId::B)))] {
            let line = parse(&format!("VERITY rootfstype=x waystone.set={text}"));
            assert_eq!(line.map(|line| line.set), wanted);
        }
        for text in ["C", "", "1", "AB"] {
            let line = parse(&format!("VERITY rootfstype=x waystone.set={text}"));
            assert_eq!(line, Err(CommandLineError::Set(text.into())));
        }
    }

    #[test]
    fn the_watchdog_is_armed_for_a_time_that_makes_sense() {
        let line = |text: &str| parse(&format!("VERITY rootfstype=x {text}"));
        assert_eq!(line("").map(|line| line.watchdog), Ok(None));
        assert_eq!(line("waystone.watchdog=90").map(|line| line.watchdog), Ok(Some(90)));
        for text in ["0", "", "x", "1s"] {
            let wrong = line(&format!("waystone.watchdog={text}"));
            assert_eq!(wrong, Err(CommandLineError::Watchdog(text.into())));
        }
        let twice = line("waystone.watchdog=9 waystone.watchdog=9");
        assert_eq!(twice, Err(CommandLineError::Doubled("waystone.watchdog")));
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(parse("rootfstype=x"), Err(CommandLineError::Missing("waystone.verity")));
        assert_eq!(parse("VERITY"), Err(CommandLineError::Missing("rootfstype")));
        assert!(matches!(
            parse("waystone.verity=2 rootfstype=x"),
            Err(CommandLineError::Verity(_))
        ));
    }

    #[test]
    fn a_second_root_hash_or_set_is_refused() {
        for (extra, name) in [
            ("VERITY", "waystone.verity"),
            ("waystone.verity=", "waystone.verity"),
            ("waystone.set=A waystone.set=B", "waystone.set"),
        ] {
            let line = parse(&format!("VERITY rootfstype=x {extra}"));
            assert_eq!(line, Err(CommandLineError::Doubled(name)), "{extra}");
        }
    }

    #[test]
    fn of_the_kernels_parameters_the_last_counts() {
        let line = parse("rootfstype=a init=/a VERITY rootfstype=b init=/b rootflags=x,y").unwrap();
        assert_eq!((line.filesystem.as_str(), line.init), ("b", "/b".into()));
        assert_eq!(line.flags, "x,y");
        let relative = parse("VERITY rootfstype=a init=bin/sh");
        assert_eq!(relative, Err(CommandLineError::Init("bin/sh".into())));
    }

    #[test]
    fn quotes_and_the_end_of_parameters_are_the_kernels() {
        let line = parse("dyndbg=\"file a +p init=/x\" VERITY rootfstype=e -- init=/y").unwrap();
        assert_eq!(line.init, PathBuf::from("/sbin/init"));
        let line = parse("VERITY \"rootfstype=e\" init=\"/a b\"").unwrap();
        assert_eq!((line.filesystem.as_str(), line.init), ("e", "/a b".into()));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(line in "[ a-z.=\"1,-]{0,80}") {
            let _ = parse(&line);
        }
    }
}
