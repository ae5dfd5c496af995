//! The kernel's command line.
//!
//! ```text
//! waystone.verity=1,<data blocks>,<root hash>,<salt> rootfstype=<filesystem> ro gpt panic=1 waystone.watchdog=300 <what the spec adds>
//! ```
//!
//! * [`BootParameter`] tells the initial RAM filesystem what the root image must be; which set's partitions to take is not
//!   said, since the same image boots from either set.
//! * `gpt` makes the kernel take the backup copy of the partition table when the primary one is bad, as all of our programs do.
//! * `panic=1` restarts a machine whose kernel panicked after a second, and so one whose root image is corrupted; the
//!   kernel's own default is to stand still. The spec may choose another time, but not none, and no more than an hour.
//! * `waystone.watchdog` has our initial RAM filesystem arm the watchdog: a start that hangs before anybody looks at its health
//!   ends, and spends its try. It is there unless the spec takes it away.

use verity::BootParameter;

/// The longest command line that kernels take, without the NUL at its end: `COMMAND_LINE_SIZE` of x86.
const MAX_LENGTH: usize = 2047;

/// Parameters that only this program sets.
const OWN: [&str; 5] = ["waystone.verity", "root", "rootfstype", "ro", "rw"];

/// What a machine does that panicked, unless the spec says otherwise: it restarts after a second.
const PANIC: &str = "panic=1";

/// Why a text is no command line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandLineError {
    /// It has a parameter that the builder sets.
    #[error("'{0}=' is set by the builder")]
    Own(&'static str),
    /// It would tie the image to one set.
    #[error(
        "'waystone.set=' is for a kernel that is started by hand: an image boots from either set"
    )]
    Set,
    /// Machines would not restart by themselves.
    #[error(
        "'{0}' is no time after which a machine restarts: seconds up to 3600 are, or a negative number for at once"
    )]
    Panic(String),
    /// The first program would refuse it.
    #[error("'{0}' is no time for the watchdog: seconds, 1 to 65535, are")]
    Watchdog(String),
    /// It has a byte that is no printable ASCII character.
    #[error("it has other characters than printable ASCII")]
    Characters,
    /// It is too long for the kernel.
    #[error("it has {0} characters, and the kernel takes {MAX_LENGTH}")]
    TooLong(usize),
}

/// A kernel command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine(String);

/// Checks what a spec adds to the command line.
///
/// # Errors
///
/// Refuses what the builder sets itself, what would keep machines from restarting, and characters that are not printable ASCII.
pub fn check_extra(extra: &str) -> Result<(), CommandLineError> {
    if !extra.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(CommandLineError::Characters);
    }
    words(extra).try_for_each(|word| {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        match name {
            "waystone.set" => Err(CommandLineError::Set),
            watchdog::PARAMETER if watchdog::seconds(value).is_none() => {
                Err(CommandLineError::Watchdog(word.to_owned()))
            }
            "panic" if !is_panic_time(value) => Err(CommandLineError::Panic(word.to_owned())),
            _ => OWN
                .into_iter()
                .find(|own| *own == name)
                .map_or(Ok(()), |own| Err(CommandLineError::Own(own))),
        }
    })
}

/// Seconds, or a negative number for none. A machine that stands still for days has not restarted by itself.
fn is_panic_time(text: &str) -> bool {
    text.parse::<i32>().is_ok_and(|seconds| seconds != 0 && seconds <= 3600)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| !word.is_empty())
}

impl CommandLine {
    /// The command line for a root image; `watchdog` is the time in seconds for the watchdog, which `extra` may name too.
    ///
    /// # Errors
    ///
    /// Refuses an extra that cannot be taken, and a line that is too long for the kernel.
    pub fn new(
        verity: &BootParameter,
        filesystem: &str,
        watchdog: Option<u16>,
        extra: &str,
    ) -> Result<Self, CommandLineError> {
        check_extra(extra)?;
        let is_given = |name: &str| words(extra).any(|word| word.starts_with(&format!("{name}=")));
        let panic = (!is_given("panic")).then(|| PANIC.to_owned());
        let watchdog = watchdog.filter(|_| !is_given(watchdog::PARAMETER));
        let watchdog = watchdog.map(|seconds| format!("{}={seconds}", watchdog::PARAMETER));
        let mut line = format!("{}={verity} rootfstype={filesystem} ro gpt", BootParameter::NAME);
        let own: Vec<String> = panic.into_iter().chain(watchdog).collect();
        for word in own.iter().map(String::as_str).chain(words(extra)) {
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

#[cfg(test)]
mod tests {
    use verity::{RootHash, Salt};

    use super::*;

    fn parameter() -> BootParameter {
        let salt = Salt::new([0xab; 32]).expect("short");
        BootParameter { data_blocks: 141_045, root_hash: RootHash([0x12; 32]), salt }
    }

    fn line(extra: &str) -> Result<String, CommandLineError> {
        Ok(CommandLine::new(&parameter(), "erofs", None, extra)?.0)
    }

    fn watched(extra: &str) -> Result<String, CommandLineError> {
        Ok(CommandLine::new(&parameter(), "erofs", Some(300), extra)?.0)
    }

    #[test]
    fn facts_are_read_back() {
        let line = line(" console=ttyS0  quiet ").expect("plain");
        assert!(line.ends_with(" rootfstype=erofs ro gpt panic=1 console=ttyS0 quiet"), "{line}");
        assert_eq!(BootParameter::in_command_line(&line), Ok(Some(parameter())));
    }

    #[test]
    fn a_machine_that_panicked_always_restarts() {
        assert!(line("").is_ok_and(|line| line.ends_with(" gpt panic=1")));
        assert!(line("panic=-1").is_ok_and(|line| line.ends_with(" gpt panic=-1")));
        assert!(line("panic_on_oops=1").is_ok_and(|line| line.contains(" panic=1 ")));
        assert_eq!(check_extra("panic=3600"), Ok(()));
        for bad in ["panic=0", "panic", "panic=", "panic=x", "panic=30 panic=0", "panic=3601"] {
            assert!(matches!(check_extra(bad), Err(CommandLineError::Panic(_))), "{bad}");
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
    fn an_image_is_not_tied_to_a_set() {
        assert_eq!(check_extra("quiet waystone.set=A"), Err(CommandLineError::Set));
    }

    #[test]
    fn a_watchdog_has_a_time() {
        assert_eq!(check_extra("waystone.watchdog=90"), Ok(()));
        for bad in ["waystone.watchdog", "waystone.watchdog=", "waystone.watchdog=0"] {
            assert_eq!(check_extra(bad), Err(CommandLineError::Watchdog(bad.to_owned())));
        }
    }

    #[test]
    fn a_start_that_hangs_ends_unless_the_spec_says_otherwise() {
        assert!(watched("quiet").is_ok_and(|line| line.ends_with(" waystone.watchdog=300 quiet")));
        assert!(line("quiet").is_ok_and(|line| !line.contains("watchdog")));
        let own = watched("waystone.watchdog=9").expect("plain");
        assert!(own.ends_with(" panic=1 waystone.watchdog=9"), "{own}");
    }

    #[test]
    fn a_line_that_the_kernel_would_cut_is_refused() {
        assert!(matches!(line(&"x".repeat(2000)), Err(CommandLineError::TooLong(_))));
    }
}
