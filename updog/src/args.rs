//! The command line, as it is typed.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand};
use cli::ByteCount;
use gptprio::SetId;
use semver::Version;

use crate::config;

/// Checks for, installs, activates and reverts operating-system updates.
///
/// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 nothing to do, 4 refused, 75 temporary (try again).
#[derive(Debug, Parser)]
#[command(name = "updog", version, about, long_about, arg_required_else_help = true)]
pub struct Arguments {
    /// Configuration file
    #[arg(long, global = true, value_name = "FILE", default_value = config::DEFAULT_PATH)]
    pub config: PathBuf,
    /// A file whose text counts as that of the configuration file: the one that an agent has accepted
    #[arg(long, global = true, value_name = "FILE", hide = true)]
    pub config_text: Option<PathBuf>,
    /// Folder or tar file with a repository (`repo-tools mirror` makes one), instead of the servers of the configuration
    #[arg(long, global = true, value_name = "PATH")]
    pub from: Option<PathBuf>,
    /// Disk or disk image to work on, instead of the one that holds `/`
    #[arg(long, global = true, value_name = "PATH")]
    pub disk: Option<PathBuf>,
    /// The set that counts as running, where the running system cannot tell
    #[arg(long, global = true, value_name = "A|B")]
    pub active: Option<SetId>,
    /// Print the result as JSON on standard output
    #[arg(short, long, global = true)]
    pub json: bool,
    /// Show no progress
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What `updog` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the sets, what boots next and what is staged; never touches the network
    Status,
    /// Show the update that this host would install now
    #[command(visible_alias = "whats")]
    CheckUpdate(CheckArguments),
    /// Fetch and verify metadata, manifest and migrations, and check that the update fits; changes no disk
    Prepare(ChoiceArguments),
    /// Install an update, make it boot next, and restart if asked to
    Update(UpdateArguments),
    /// Write an update to the inactive set and check it; it does not boot yet
    UpdateImage(ChoiceArguments),
    /// Make the set that update-image wrote boot next, after checking it again
    UpdateApply(UpdateApplyArguments),
    /// Take an applied update back before the restart; never touches the network
    UpdateRevert(RevertArguments),
    /// Go back to the other set, after an update that was restarted into; never touches the network
    Rollback(ApplyArguments),
    /// Check whether this boot is good, then mark it good or restart; run once at every boot
    Health(HealthArguments),
    /// Verify again what is kept for the next boot: metadata, manifest and migrations; never touches the network
    VerifyKept,
    /// Allow a version again that failed on this host, or that an operator took back
    ClearFailure(ClearArguments),
    /// Say why this host was, or was not, offered a release, and what would change that
    Explain(ExplainArguments),
    /// Look for what would keep the next update from working, and say what to do; changes nothing
    Doctor(DoctorArguments),
    /// Print what is seen of this host as metrics for Prometheus; never touches the network
    Metrics(MetricsArguments),
    /// Show what was attempted on this host, when, and what came of it
    History(HistoryArguments),
    /// Keep the host up to date: look for updates, fetch them and restart, each when it may; the service of systemd runs this
    Agent(AgentArguments),
    /// Let the agent do nothing until `updog resume`
    Pause(PauseArguments),
    /// Let the agent do nothing for a while, for instance `updog hold until '2 days'`
    Hold(HoldArguments),
    /// End what `updog pause` and `updog hold` have begun
    Resume,
    /// Let the agent do the next step that the configuration leaves to an operator
    Proceed,
}

/// How the agent runs.
#[derive(Debug, Args)]
pub struct AgentArguments {
    /// Do what can be done now, and end; for a timer
    #[arg(long)]
    pub once: bool,
}

/// Why the agent is held.
#[derive(Debug, Args)]
pub struct PauseArguments {
    /// Why, for whoever reads `updog status`
    #[arg(short, long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// For how long the agent is held.
#[derive(Debug, Args)]
pub struct HoldArguments {
    /// Until when
    #[command(subcommand)]
    pub until: HoldUntil,
}

/// Until when the agent is held.
#[derive(Debug, Subcommand)]
pub enum HoldUntil {
    /// A time, as `2026-12-01T08:00:00Z` or `2026-12-01 08:00 Europe/Berlin`, or a length of time, as `2 days`
    Until {
        /// The time
        #[arg(value_name = "TIME")]
        time: String,
        /// Why, for whoever reads `updog status`
        #[arg(short, long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

/// What `check-update` shows.
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// List every release for this variant and architecture, with the reason for or against each
    #[arg(short, long)]
    pub all: bool,
    /// Do not wait for this host's place in the waves
    #[arg(long)]
    pub ignore_waves: bool,
    /// Ask only whether something has changed since the last time, where that is enough to know that nothing is new
    #[arg(long, conflicts_with_all = ["all", "ignore_waves"])]
    pub if_changed: bool,
}

/// Which update is taken.
#[derive(Clone, Debug, Args)]
pub struct ChoiceArguments {
    /// Take exactly this version
    #[arg(short, long, value_name = "VERSION", value_parser = parse_version)]
    pub image: Option<Version>,
    /// Do not wait for this host's place in the waves
    #[arg(short, long, visible_alias = "ignore-waves")]
    pub now: bool,
    /// Fetch at most so much for the update, for instance `200 MiB`; goes before `max_bytes` of the configuration
    #[arg(long, value_name = "SIZE")]
    pub max_bytes: Option<ByteCount>,
    /// Show what would be fetched and written, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// How an update is taken in one go.
#[derive(Debug, Args)]
pub struct UpdateArguments {
    /// Which update is taken
    #[command(flatten)]
    pub choice: ChoiceArguments,
    /// Restart the host when the update is in place
    #[arg(short, long)]
    pub reboot: bool,
}

/// How what was written is made to boot next.
#[derive(Debug, Args)]
pub struct UpdateApplyArguments {
    /// Only if it is this version that was written
    #[arg(short, long, value_name = "VERSION", value_parser = parse_version)]
    pub image: Option<Version>,
    /// How it is made to
    #[command(flatten)]
    pub apply: ApplyArguments,
}

/// How a set is made to boot next.
#[derive(Debug, Args)]
pub struct ApplyArguments {
    /// Restart the host afterwards
    #[arg(short, long)]
    pub reboot: bool,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// How an update is taken back.
#[derive(Debug, Args)]
pub struct RevertArguments {
    /// Show what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// For the agent, which lets a release go: that is no word of a person's against it
    #[arg(long, hide = true)]
    pub allow_again: bool,
}

/// How a boot is judged.
#[derive(Debug, Args)]
pub struct HealthArguments {
    /// A unit of systemd that has to be active, beside those of the configuration; may be given more than once
    #[arg(long = "unit", value_name = "UNIT", value_parser = NonEmptyStringValueParser::new())]
    pub units: Vec<String>,
    /// Run the checks and say what would be done, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Which failures are cleared.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct ClearArguments {
    /// The version that may be taken again
    #[arg(value_name = "VERSION", value_parser = parse_version)]
    pub version: Option<Version>,
    /// All of them
    #[arg(long)]
    pub all: bool,
}

/// Where metrics go.
#[derive(Debug, Args)]
pub struct MetricsArguments {
    /// Answer one HTTP request on standard input and output, for a socket of systemd with Accept=yes
    #[arg(long, conflicts_with = "textfile")]
    pub http: bool,
    /// Put them into the folder of node exporter's textfile collector, if it is there
    #[arg(long, value_name = "DIR")]
    pub textfile: Option<PathBuf>,
}

/// How much of the past is shown.
#[derive(Debug, Args)]
pub struct HistoryArguments {
    /// Only the last so many
    #[arg(long, value_name = "N")]
    pub last: Option<NonZeroUsize>,
}

/// Which release is explained.
#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// The release; the newest ones for this host if none is named
    #[arg(value_name = "VERSION", value_parser = parse_version)]
    pub version: Option<Version>,
    /// Ask no server: go by what was kept for the next boot
    #[arg(long)]
    pub offline: bool,
}

/// Where is looked.
#[derive(Debug, Args)]
pub struct DoctorArguments {
    /// Ask no server
    #[arg(long)]
    pub offline: bool,
}

/// A version, with or without the `v` that names of releases often begin with.
fn parse_version(text: &str) -> Result<Version, semver::Error> {
    Version::parse(text.strip_prefix('v').unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn what_may_be_fetched_is_a_number_of_bytes() {
        for command in ["prepare", "update", "update-image"] {
            let parse = |size| Arguments::try_parse_from(["updog", command, "--max-bytes", size]);
            let max_bytes = |parsed: Arguments| match parsed.command {
                Command::Prepare(choice) | Command::UpdateImage(choice) => choice.max_bytes,
                Command::Update(update) => update.choice.max_bytes,
                _ => None,
            };
            let parsed = parse("200 MiB").ok().and_then(max_bytes);
            assert_eq!(parsed, Some(ByteCount(200 << 20)), "{command}");
            assert!(parse("much").is_err() && parse("-1").is_err());
        }
    }
}
