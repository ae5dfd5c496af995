//! The command line.

use std::path::PathBuf;

use clap::{ArgGroup, Parser, Subcommand};
use semver::Version;

use super::kept::{CarryArgs, DiffArgs, ForgetArgs};
use super::new::NewArgs;

/// Carries a host's settings to another version, at boot and offline.
///
/// The migrations between the two versions run on a copy of the settings, one after the other; then links are replaced, and the copy counts. Whatever
/// fails, and whenever the power is cut, the settings of before or those of after count, whole. No data store, or one that has the version
/// already, is success.
///
/// A lower version that had settings of its own before an update returns to them; what was changed since is kept aside.
#[derive(Debug, Parser)]
#[command(name = "migrator", version, max_term_width = 100)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(
    after_help = "Exit codes: 0 done (also if there was nothing to do), 1 failed, 2 wrong usage, 4 refused, \
                        75 the data store is in use: try again."
)]
pub struct Args {
    #[command(flatten)]
    pub(crate) migrate: Option<MigrateArgs>,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What else the program does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write the source of a new migration
    New(NewArgs),
    /// Show what was changed and is kept aside, since the host returned to an older version
    Diff(DiffArgs),
    /// Carry what is kept aside into the settings
    Carry(CarryArgs),
    /// Forget what is kept aside
    Forget(ForgetArgs),
}

// What settings are carried with. No documentation comment: it would be that of the whole program.
#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("to").required(true))]
pub(crate) struct MigrateArgs {
    /// The data store: its folder, or the link `current` in it
    #[arg(long, value_name = "PATH")]
    pub(crate) datastore_path: PathBuf,

    /// Migrations and manifest, as `updog` keeps them: the folder `current/targets`
    #[arg(long, value_name = "PATH")]
    pub(crate) migration_directory: PathBuf,

    /// The trusted root.json that came with the running image
    #[arg(long, value_name = "FILE")]
    pub(crate) root_path: PathBuf,

    /// TUF metadata, as `updog` keeps it: the folder `current/metadata`
    #[arg(long, value_name = "PATH")]
    pub(crate) metadata_directory: PathBuf,

    /// The version that the settings should have
    #[arg(long, value_name = "VERSION", group = "to", value_parser = version)]
    pub(crate) migrate_to_version: Option<Version>,

    /// The settings should have the version that runs
    #[arg(long, group = "to")]
    pub(crate) migrate_to_version_from_os_release: bool,

    /// Where the version that runs is read
    #[arg(long, value_name = "FILE", default_value = "/etc/os-release")]
    pub(crate) os_release_path: PathBuf,

    /// How long each migration may run
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) time_limit_seconds: u64,

    /// How long all migrations together may run; the one that runs then has failed
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) total_limit_seconds: Option<u64>,

    /// Report as JSON on standard output
    #[arg(long)]
    pub(crate) json: bool,

    /// Verify everything, say what would be done, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Run the migrations on a copy, show what would change, and change nothing
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) rehearse: bool,

    /// Show the values of secrets, too
    #[arg(long, requires = "rehearse")]
    pub(crate) show_secrets: bool,
}

/// A version, with or without the `v` that links begin with.
pub(super) fn version(text: &str) -> Result<Version, String> {
    Version::parse(text.strip_prefix('v').unwrap_or(text)).map_err(|error| error.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    const PATHS: [&str; 9] = [
        "migrator",
        "--datastore-path",
        "d",
        "--migration-directory",
        "m",
        "--root-path",
        "r",
        "--metadata-directory",
        "t",
    ];

    fn parse(more: &[&str]) -> Result<MigrateArgs, clap::Error> {
        Args::try_parse_from(PATHS.iter().chain(more)).map(|args| args.migrate.unwrap())
    }

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_version_is_given_or_that_which_runs() {
        for text in ["1.6.0", "v1.6.0"] {
            let args = parse(&["--migrate-to-version", text]).unwrap();
            assert_eq!(args.migrate_to_version, Some(Version::new(1, 6, 0)));
        }
        let args = parse(&["--migrate-to-version-from-os-release"]).unwrap();
        assert_eq!(args.migrate_to_version, None);
        assert!(parse(&[]).is_err());
        assert!(parse(&["--migrate-to-version", "1.6"]).is_err());
        let both = ["--migrate-to-version", "1.6.0", "--migrate-to-version-from-os-release"];
        assert!(parse(&both).is_err());
    }

    #[test]
    fn a_subcommand_needs_none_of_it_and_bears_none_of_it() {
        let args = Args::try_parse_from(["migrator", "new", "a"]).unwrap();
        assert!(args.migrate.is_none() && args.command.is_some());
        assert!(parse(&["--migrate-to-version", "1.6.0", "new", "a"]).is_err());
        for too_little in [&["migrator"][..], &["migrator", "--json"], &PATHS] {
            let error = Args::try_parse_from(too_little).unwrap_err();
            assert_eq!(error.kind(), clap::error::ErrorKind::MissingRequiredArgument);
        }
    }
}
