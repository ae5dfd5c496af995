//! The command line, as it is typed.

use std::net::IpAddr;
use std::path::PathBuf;

use ::frames::make::Level as FrameLevel;
use chrono::{DateTime, Utc};
use clap::{ArgGroup, Args, Parser, Subcommand};
use manifest::Offset;
use pack::make::Level;
use semver::Version;

use crate::frames::{Form, OLDER};
use crate::generate::KeyType;
use crate::time;

/// Makes and keeps a TUF repository of operating-system releases.
///
/// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 nothing to do, 4 refused, 75 temporary (try again).
#[derive(Debug, Parser)]
#[command(name = "repo-tools", version, about, long_about, arg_required_else_help = true)]
pub struct Arguments {
    /// Folder of the metadata below the repository, such as VARIANT/ARCH
    #[arg(long, global = true, value_name = "NAME", default_value = "metadata")]
    pub(crate) metadata_dir: PathBuf,
    /// The time that counts as now (RFC 3339); the clock's if it is not given
    #[arg(long, global = true, value_name = "TIME", value_parser = time::parse)]
    pub(crate) now: Option<DateTime<Utc>>,
    /// Print the result as JSON on standard output
    #[arg(short, long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make keys and a repository without releases
    Init(InitArguments),
    /// Publish, list and change releases
    #[command(subcommand)]
    Release(ReleaseCommand),
    /// Explain wave policies
    #[command(subcommand)]
    Waves(WavesCommand),
    /// Sign metadata again before it expires: the timestamp, and what would expire before it
    Refresh(RefreshArguments),
    /// Say everything that is wrong, and what to do
    Check(CheckArguments),
    /// Copy releases, verified, into a folder or a tar file for hosts without a network (`updog --from`)
    Mirror(MirrorArguments),
    /// Serve the repository over HTTP, for development; prints its URL first
    Serve(ServeArguments),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ReleaseCommand {
    /// Publish what image-builder built
    Add(AddArguments),
    /// Show what is published, and how far it has come
    List(RepositoryArguments),
    /// Change when a release reaches whom
    Waves(ChangeWavesArguments),
    /// Have no host install a release any more, and those that run it go back
    Withdraw(WithdrawArguments),
}

#[derive(Debug, Subcommand)]
pub(crate) enum WavesCommand {
    /// Show which share of the hosts is ready when, and when one seed is
    Explain(ExplainArguments),
}

#[derive(Debug, Args)]
pub(crate) struct RepositoryArguments {
    /// Folder of the repository
    #[arg(long, value_name = "DIR")]
    pub(crate) repo: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct AuthorArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// Folder of the private keys, *.pem
    #[arg(long, value_name = "DIR")]
    pub(crate) keys: PathBuf,
    /// Expiry policy (TOML); two weeks, and one for the timestamp, if it is not given
    #[arg(long, value_name = "FILE")]
    pub(crate) expiry: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    #[command(flatten)]
    pub(crate) author: AuthorArguments,
    /// How many keys have to sign for a role; makes as many (repeat for several roles)
    #[arg(long, value_name = "ROLE=NUMBER")]
    pub(crate) threshold: Vec<String>,
    /// Kind of the keys that are made
    #[arg(long, value_enum, default_value_t)]
    pub(crate) key_type: KeyType,
}

#[derive(Debug, Args)]
pub(crate) struct StartArguments {
    /// Wave policy (TOML); without it the release is for all hosts at the same time
    #[arg(long, value_name = "FILE")]
    pub(crate) waves: Option<PathBuf>,
    /// When the waves start, or all hosts do (RFC 3339); now, if it is not given
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    pub(crate) start: Option<DateTime<Utc>>,
}

#[derive(Debug, Args)]
pub(crate) struct AddArguments {
    #[command(flatten)]
    pub(crate) author: AuthorArguments,
    /// Folder that image-builder wrote, with build-report.json
    #[arg(long, value_name = "DIR")]
    pub(crate) parts: PathBuf,
    #[command(flatten)]
    pub(crate) start: StartArguments,
    /// Folder with migrations: programs, which run between the release before and this one in the order of their names, unless a
    /// migrations.toml there says otherwise
    #[arg(long, value_name = "DIR")]
    pub(crate) migrations: Option<PathBuf>,
    /// Highest version that hosts may run; the highest release, if it is not given
    #[arg(long, value_name = "VERSION")]
    pub(crate) max_version: Option<Version>,
    /// Take the place of a release of the same version, whatever it holds
    #[arg(long)]
    pub(crate) replace: bool,
    /// Do not look whether the images decompress to what the build report says
    #[arg(long)]
    pub(crate) unchecked: bool,
    /// From how many older releases to make delta packs, the newest first; 0 makes none
    #[arg(long, value_name = "NUMBER", default_value_t = 3)]
    pub(crate) packs: u8,
    /// How hard to compress packs, 1 to 19; 12, if it is not given
    #[arg(long, value_name = "NUMBER", value_parser = level)]
    pub(crate) pack_level: Option<Level>,
    /// In which form the images are published
    #[arg(long, value_enum, value_name = "FORM", default_value_t)]
    pub(crate) images: Form,
    /// How hard to compress frames, 1 to 19; 18 for what no older release holds and 9 for the rest, if it is not given
    #[arg(long, value_name = "NUMBER", value_parser = frame_level)]
    pub(crate) frame_level: Option<FrameLevel>,
    /// By what how many older releases hold frames are cut, the newest first: hosts of these fetch nothing that they have
    #[arg(long, value_name = "NUMBER", default_value_t = OLDER)]
    pub(crate) frame_releases: u8,
    /// Folder for decompressed images while packs and frames are made; that of the targets, if it is not given
    #[arg(long, value_name = "DIR")]
    pub(crate) work: Option<PathBuf>,
}

fn level(text: &str) -> Result<Level, String> {
    let level = text.parse().ok().and_then(Level::new);
    level.ok_or_else(|| "a level is a number from 1 to 19".to_owned())
}

fn frame_level(text: &str) -> Result<FrameLevel, String> {
    let level = text.parse().ok().and_then(FrameLevel::new);
    level.ok_or_else(|| "a level is a number from 1 to 19".to_owned())
}

#[derive(Debug, Args)]
pub(crate) struct SelectorArguments {
    /// Version of the release
    #[arg(value_name = "VERSION")]
    pub(crate) version: Version,
    /// Its variant, where several have the version
    #[arg(long, value_name = "NAME")]
    pub(crate) variant: Option<String>,
    /// Its architecture, where several have the version
    #[arg(long, value_name = "NAME")]
    pub(crate) arch: Option<String>,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("change").required(true).multiple(true).args(["waves", "start", "at_once"])))]
pub(crate) struct ChangeWavesArguments {
    #[command(flatten)]
    pub(crate) author: AuthorArguments,
    #[command(flatten)]
    pub(crate) release: SelectorArguments,
    #[command(flatten)]
    pub(crate) start: StartArguments,
    /// The release is for all hosts at once from now on
    #[arg(long, conflicts_with_all = ["waves", "start"])]
    pub(crate) at_once: bool,
}

#[derive(Debug, Args)]
pub(crate) struct WithdrawArguments {
    #[command(flatten)]
    pub(crate) author: AuthorArguments,
    #[command(flatten)]
    pub(crate) release: SelectorArguments,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArguments {
    /// Wave policy (TOML)
    #[arg(long, value_name = "FILE")]
    pub(crate) waves: PathBuf,
    /// When the waves start (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    pub(crate) start: DateTime<Utc>,
    /// A host's seed, 0 to 2047
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct RefreshArguments {
    #[command(flatten)]
    pub(crate) author: AuthorArguments,
    /// Sign targets and snapshot, too, in any case
    #[arg(long)]
    pub(crate) all: bool,
    /// Sign everything, with a new version of the root
    #[arg(long)]
    pub(crate) root: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// Warn of what expires within this
    #[arg(long, value_name = "TIME SPAN", default_value = "2 days")]
    pub(crate) soon: Offset,
    /// Compare the lengths of the targets only, not their digests
    #[arg(long)]
    pub(crate) quick: bool,
}

#[derive(Debug, Args)]
pub(crate) struct MirrorArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// The bundle: a tar file if it ends in .tar, else a folder
    #[arg(long, value_name = "PATH")]
    pub(crate) to: PathBuf,
    /// Take this release (repeat for several); all, if it is not given
    #[arg(long = "version", value_name = "VERSION")]
    pub(crate) versions: Vec<Version>,
    /// Take releases of this variant only
    #[arg(long, value_name = "NAME")]
    pub(crate) variant: Option<String>,
    /// Take releases of this architecture only
    #[arg(long, value_name = "NAME")]
    pub(crate) arch: Option<String>,
    /// Take the place of a bundle of other contents
    #[arg(long)]
    pub(crate) replace: bool,
    /// Show what would be written, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    #[command(flatten)]
    pub(crate) repository: RepositoryArguments,
    /// Port; any that is free, if it is 0
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) port: u16,
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub(crate) bind: IpAddr,
    /// Write a line for each answer: method, path, range, status, bytes of the body that were sent
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
}
