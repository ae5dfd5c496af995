//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use gptprio::{SetId, Tries};

/// Shows and changes which set of partitions boots.
///
/// A disk has two sets of partitions, A and B. One runs; the other takes the next release. Without --disk and --active
/// the disk and the set that the running system was started from are meant.
#[derive(Debug, Parser)]
#[command(name = "signpost", version, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 done (also if it was so already), 1 failed, 2 wrong usage, 4 refused, \
                        75 the disk is in use: try again."
)]
pub struct Args {
    /// A whole disk or an image file instead of the disk that the system runs from
    #[arg(long, value_name = "PATH", global = true)]
    pub(crate) disk: Option<PathBuf>,

    /// The set that counts as running where the running system cannot tell
    #[arg(long, value_name = "A|B", global = true)]
    pub(crate) active: Option<SetId>,

    /// Report as JSON on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Say what would change and change nothing
    #[arg(long, global = true)]
    pub(crate) dry_run: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum Command {
    /// Show which set runs, which boots next and why, and the health of the partition table
    Status,
    /// Say that the running set was proven good by this boot
    MarkSuccessfulBoot {
        /// How many starts it has until it is to be proven again; with 0 its starts are not counted
        #[arg(long, value_name = "0-15", default_value_t = Tries::REARM, value_parser = parse_rearm)]
        tries: Tries,
    },
    /// Forget what is in the inactive set: it cannot boot until it was written and marked valid again
    ClearInactive,
    /// Say that the inactive set was written and checked
    MarkInactiveValid {
        /// How many starts it gets to prove itself
        #[arg(long, value_name = "1-15", default_value = "1", value_parser = parse_tries)]
        tries: Tries,
    },
    /// Boot the inactive set next, which was cleared, written and marked valid
    UpgradeToInactive,
    /// Take an upgrade back before it was started: the running set boots next
    CancelUpgrade,
    /// Go back to what is in the inactive set at the next boot
    RollbackToInactive,
    /// Write both copies of the partition table anew, which repairs a bad one
    RewriteTable,
    /// Print true if any boot has ever succeeded on this disk, else false
    HasBootEverSucceeded,
}

impl Command {
    /// The name under which it is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::MarkSuccessfulBoot { .. } => "mark-successful-boot",
            Self::ClearInactive => "clear-inactive",
            Self::MarkInactiveValid { .. } => "mark-inactive-valid",
            Self::UpgradeToInactive => "upgrade-to-inactive",
            Self::CancelUpgrade => "cancel-upgrade",
            Self::RollbackToInactive => "rollback-to-inactive",
            Self::RewriteTable => "rewrite-table",
            Self::HasBootEverSucceeded => "has-boot-ever-succeeded",
        }
    }
}

fn parse_tries(text: &str) -> Result<Tries, &'static str> {
    let tries = text.parse().ok().and_then(Tries::new).filter(|tries| *tries > Tries::ZERO);
    tries.ok_or("a set gets 1 to 15 tries")
}

fn parse_rearm(text: &str) -> Result<Tries, &'static str> {
    text.parse().ok().and_then(Tries::new).ok_or("a set gets 0 to 15 tries")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn every_name_is_that_of_its_subcommand() {
        for subcommand in Args::command().get_subcommands() {
            let name = subcommand.get_name();
            let args = Args::try_parse_from(["signpost", name]).unwrap();
            assert_eq!(args.command.name(), name);
        }
    }

    #[test]
    fn options_may_stand_before_and_after_the_subcommand() {
        let before = ["signpost", "--disk", "x", "--active", "B", "--json", "status"];
        let after = ["signpost", "status", "--disk", "x", "--active", "b", "--json"];
        for line in [&before[..], &after] {
            let args = Args::try_parse_from(line).unwrap();
            assert_eq!((args.active, args.json), (Some(SetId::B), true));
        }
    }

    #[test]
    fn tries_are_one_to_fifteen() {
        for (text, good) in
            [("1", true), ("15", true), ("0", false), ("16", false), ("-1", false), ("256", false)]
        {
            let args = Args::try_parse_from([
                "signpost",
                "mark-inactive-valid",
                &format!("--tries={text}"),
            ]);
            assert_eq!(args.is_ok(), good, "{text}");
        }
    }

    #[test]
    fn a_proven_set_may_go_uncounted() {
        let rearm = |more: &[&str]| {
            let line = ["signpost", "mark-successful-boot"];
            match Args::try_parse_from(line.iter().chain(more)).map(|args| args.command) {
                Ok(Command::MarkSuccessfulBoot { tries }) => Some(tries),
                _ => None,
            }
        };
        assert_eq!(rearm(&[]), Some(Tries::REARM));
        assert_eq!(rearm(&["--tries", "0"]), Some(Tries::ZERO));
        assert_eq!(rearm(&["--tries=15"]), Some(Tries::MAX));
        assert_eq!(rearm(&["--tries=16"]), None);
    }
}
