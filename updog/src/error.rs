//! Every way in which a run of `updog` may end badly, with its exit code and what to do next.

use std::io;
use std::path::PathBuf;

use cli::{Classify, Kind};
use gptprio::SetId;
use semver::Version;
use thiserror::Error;

use crate::agent::orders::OrdersError;
use crate::agent::record::RecordError;
use crate::boots::LedgerError;
use crate::config::ConfigError;
use crate::host::HostError;
use crate::http::HttpError;
use crate::install::{CheckError, DecodeError, DeltaError, InstallError};
use crate::kept::KeptError;
use crate::mirrors::NoMirror;
use crate::plan::PlanError;
use crate::rehearsal::RehearsalError;
use crate::source::FetchError;
use crate::staged::StagedError;

/// Why `updog` did not do what it was asked to.
#[derive(Debug, Error)]
pub enum Error {
    /// The configuration is not usable.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The running system cannot be known.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The disk or its table.
    #[error(transparent)]
    Disk(#[from] signpost::Error),
    /// Which disk, or which of its sets, is not known.
    #[error(transparent)]
    Place(#[from] signpost::TargetError),
    /// The rules of the priority bits say no.
    #[error("cannot {action}")]
    Refusal {
        /// What was asked for.
        action: &'static str,
        /// The rule.
        source: gptprio::Refusal,
    },
    /// Metadata that is not to be trusted, or cannot be had.
    #[error("the repository's metadata is not usable")]
    Trust(#[source] trust::Error),
    /// No mirror has what is needed.
    #[error(transparent)]
    NoMirror(#[from] NoMirror<Error>),
    /// The agent's record cannot be used.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// What an operator wants of the agent cannot be noted.
    #[error(transparent)]
    Orders(#[from] OrdersError),
    /// Another agent runs.
    #[error("an agent runs on this host already")]
    AgentRuns,
    /// The agent cannot do what it is for.
    #[error("the agent cannot go on")]
    Agent(#[source] io::Error),
    /// The agent was told to stop.
    #[error("the agent was told to stop")]
    Stopped,
    /// A time cannot be read.
    #[error(transparent)]
    Until(#[from] schedule::Error),
    /// The shipped root cannot be read.
    #[error("cannot read the trusted root {path}")]
    Root {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A request failed.
    #[error("cannot fetch {name}")]
    Fetch {
        /// Name of the target.
        name: String,
        /// The cause.
        source: FetchError,
    },
    /// There is no HTTP client, or the bundle is none.
    #[error(transparent)]
    Source(FetchError),
    /// A target is not the one that was signed.
    #[error("the target {name} is not the one that was signed")]
    Target {
        /// Name of the target.
        name: String,
        /// What does not agree.
        source: trust::Error,
    },
    /// A target is longer than a small one may be.
    #[error("the target {name} has {length} bytes, more than the {limit} that are read")]
    LongTarget {
        /// Name of the target.
        name: String,
        /// Its signed length.
        length: u64,
        /// The limit.
        limit: u64,
    },
    /// The repository has no manifest.
    #[error("the repository's metadata lists no manifest.json")]
    NoManifest,
    /// The manifest is not one.
    #[error("the release manifest is not valid")]
    Manifest(#[from] manifest::Error),
    /// The release does not fit this host.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// No way leads from the settings of the running version to those of the release.
    #[error("settings cannot be migrated")]
    Migrations(#[from] manifest::NoPath),
    /// A version was asked for that the repository does not have for this host.
    #[error("the repository has no release {version} for {variant} on {arch}")]
    NoSuchRelease {
        /// What was asked for.
        version: Version,
        /// Variant of the host.
        variant: String,
        /// Architecture of the host.
        arch: String,
    },
    /// The repository is for other hosts.
    #[error("the repository has no release for {variant} on {arch}, only for {offered}")]
    OtherHost {
        /// Variant of the host.
        variant: String,
        /// Architecture of the host.
        arch: String,
        /// What it has releases for.
        offered: String,
    },
    /// The version that was asked for is not to be taken.
    #[error("release {version} {reason}")]
    NotNow {
        /// What was asked for.
        version: Version,
        /// Why not.
        reason: String,
    },
    /// The release is not on the disk.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// The record of what was staged.
    #[error(transparent)]
    Staged(#[from] StagedError),
    /// The ledger of boots.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// This boot is not good.
    #[error("{version} in set {set} is not good: {finding}")]
    Unhealthy {
        /// The running set.
        set: SetId,
        /// Its version.
        version: Version,
        /// Why.
        finding: String,
    },
    /// A version that failed on this host is not taken again.
    #[error("{version} failed on this host: {cause}")]
    FailedHere {
        /// The version.
        version: Version,
        /// Why it failed, as far as known.
        cause: String,
    },
    /// Nothing was staged.
    #[error("no update was written to set {set}")]
    NotStaged {
        /// The inactive set.
        set: SetId,
    },
    /// Another release than the one that was named was staged.
    #[error("set {set} holds {there}, and not {wanted}")]
    OtherStaged {
        /// The inactive set.
        set: SetId,
        /// What was written to it.
        there: Version,
        /// What was named.
        wanted: Version,
    },
    /// The staged set is no longer what was written.
    #[error("set {set} no longer holds {version} as it was written")]
    Altered {
        /// The set.
        set: SetId,
        /// The version that was written.
        version: Version,
        /// What does not agree.
        source: CheckError,
    },
    /// What the next boot needs cannot be kept, or is not whole.
    #[error(transparent)]
    Kept(#[from] KeptError),
    /// Without the repository nothing is known of releases.
    #[error(
        "nothing is kept for the next boot, so that no release is known without the repository"
    )]
    NothingKept,
    /// What the host remembers of the repository cannot be looked at.
    #[error("cannot copy what is remembered of the repository from {path}")]
    Remembered {
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Something would keep the next update from working.
    #[error("problems that would keep the next update from working: {count}")]
    Problems {
        /// How many.
        count: usize,
    },
    /// The settings of the next boot.
    #[error(transparent)]
    Rehearsal(#[from] RehearsalError),
    /// The running set has to be named.
    #[error("--disk is given, and nothing says which set of it counts as running")]
    ActiveUnknown,
    /// The disk has one set only.
    #[error("{disk} has no set {set} to update")]
    OneSet {
        /// The disk.
        disk: PathBuf,
        /// The set that is not there.
        set: SetId,
    },
    /// The restart did not happen.
    #[error("cannot restart with {command:?}")]
    Restart {
        /// The command.
        command: String,
        /// The cause.
        source: io::Error,
    },
    /// The result cannot be printed.
    #[error("cannot print the result")]
    Output(#[from] io::Error),
    /// The metrics cannot be put where node exporter reads them.
    #[error("cannot write the metrics to {folder}")]
    Textfile {
        /// The folder.
        folder: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The asynchronous side cannot be started.
    #[error("cannot start the network side")]
    Runtime(#[source] io::Error),
}

impl Classify for Error {
    fn kind(&self) -> Kind {
        match self {
            // The disk is to blame, not whoever named the file.
            Self::Config(ConfigError::Read { source, .. })
                if source.kind() != io::ErrorKind::NotFound =>
            {
                Kind::Failed
            }
            Self::Config(_) | Self::ActiveUnknown => Kind::Usage,
            Self::Disk(error) => error.kind(),
            Self::NoMirror(error) => error.first().kind(),
            Self::Trust(error) | Self::Target { source: error, .. } => trust_kind(error),
            Self::Fetch { source, .. } | Self::Source(source) => fetch_kind(source),
            Self::Kept(error) => error.kind(),
            Self::Install(error) => install_kind(error),
            Self::Altered { source, .. } => check_kind(source),
            Self::Place(error) => error.kind(),
            Self::Rehearsal(error) => rehearsal_kind(error),
            Self::Refusal { .. }
            | Self::LongTarget { .. }
            | Self::NoManifest
            | Self::Manifest(_)
            | Self::Plan(_)
            | Self::Migrations(_)
            | Self::NoSuchRelease { .. }
            | Self::OtherHost { .. }
            | Self::NotNow { .. }
            | Self::NotStaged { .. }
            | Self::NothingKept
            | Self::FailedHere { .. }
            | Self::AgentRuns
            | Self::OneSet { .. } => Kind::Refused,
            Self::Host(_)
            | Self::Root { .. }
            | Self::Staged(_)
            | Self::Ledger(_)
            | Self::Unhealthy { .. }
            | Self::OtherStaged { .. }
            | Self::Remembered { .. }
            | Self::Problems { .. }
            | Self::Restart { .. }
            | Self::Output(_)
            | Self::Runtime(_)
            | Self::Textfile { .. }
            | Self::Record(_)
            | Self::Orders(_)
            | Self::Agent(_) => Kind::Failed,
            Self::Until(_) => Kind::Usage,
            Self::Stopped => Kind::Temporary,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::FailedHere { version, .. } => {
                return Some(format!("`updog clear-failure {version}` allows it again"));
            }
            Self::Ledger(LedgerError::Damaged { .. }) => {
                "run `updog health`, which puts it aside and begins a new one, or mend the file"
            }
            Self::Host(HostError::Seed(error)) => error.hint(),
            Self::Disk(error) => return error.hint(),
            Self::NoMirror(error) => return error.first().hint(),
            Self::Place(error) => return error.hint(),
            Self::Refusal { source, .. } | Self::Install(InstallError::Refusal(source)) => {
                return source.advice().map(str::to_owned);
            }
            Self::Trust(error) => return error.hint(),
            Self::Kept(error) => return error.hint().map(str::to_owned),
            Self::Source(FetchError::Bundle(error))
            | Self::Fetch { source: FetchError::Bundle(error), .. } => {
                return error.hint().map(str::to_owned);
            }
            Self::Install(InstallError::Disk(error)) => return error.hint(),
            Self::Config(ConfigError::Read { source, .. })
                if source.kind() != io::ErrorKind::NotFound =>
            {
                "find out why the file cannot be read, then run the same command again"
            }
            Self::Config(ConfigError::Read { .. }) => {
                "write the file, or name another one with --config"
            }
            Self::Config(_) => "mend the configuration, then run the same command again",
            Self::ActiveUnknown => "add --active A or --active B",
            Self::Root { .. } => {
                "install the root.json that came with the repository, or set root_path in the configuration"
            }
            Self::AgentRuns => "`updog status` says what it does",
            Self::Until(_) => {
                "for instance `updog hold until '2 days'`, or `2026-12-01 08:00 Europe/Berlin`"
            }
            Self::NothingKept => "run the same command without --offline",
            Self::NotStaged { .. } => "run `updog update-image` first",
            Self::OtherStaged { .. } => "run `updog update-image --image VERSION` first",
            Self::Altered { .. } | Self::Staged(_) => "run `updog update-image` to write it again",
            Self::OtherHost { .. } => {
                "check metadata_base_url in the configuration, and VARIANT_ID in os-release"
            }
            Self::NotNow { .. } | Self::NoSuchRelease { .. } => {
                "`updog check-update --all` lists what there is"
            }
            Self::Install(
                InstallError::Image { source: DecodeError::Write(_), .. }
                | InstallError::Blocks { source: DeltaError::Decode(DecodeError::Write(_)), .. },
            ) => {
                "check the disk; the running set was not touched, and the same command starts again"
            }
            Self::Install(InstallError::OverLimit { .. }) => {
                "raise --max-bytes, or max_bytes in the configuration, or wait for a release with less to fetch"
            }
            Self::Install(_) => {
                "the set that was being written cannot boot, the running set was not touched; the same command starts again"
            }
            Self::Rehearsal(RehearsalError::Failed { .. }) if self.kind() != Kind::Temporary => {
                "nothing was changed: keep the running version, and have the migrations of the release mended"
            }
            Self::Rehearsal(RehearsalError::Start { .. }) => {
                "install migrator, or set rehearse = false under [migrations] in the configuration"
            }
            _ if self.kind() == Kind::Temporary => "run the same command again later",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// An error and its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

fn trust_kind(error: &trust::Error) -> Kind {
    match error.kind() {
        trust::Kind::Refused => Kind::Refused,
        trust::Kind::Failed => Kind::Failed,
        trust::Kind::Temporary => Kind::Temporary,
    }
}

/// Whoever tried out the settings may come back later if they were in use.
fn rehearsal_kind(error: &RehearsalError) -> Kind {
    match error {
        RehearsalError::Failed { code, .. } if *code == Some(Kind::Temporary.code().into()) => {
            Kind::Temporary
        }
        RehearsalError::Failed { .. } => Kind::Refused,
        RehearsalError::Look { .. }
        | RehearsalError::Start { .. }
        | RehearsalError::Report { .. } => Kind::Failed,
    }
}

fn fetch_kind(error: &FetchError) -> Kind {
    match error {
        FetchError::Http(error) => http_kind(error),
        FetchError::Bundle(error) => error.kind(),
        FetchError::Range { .. } => Kind::Refused,
        FetchError::Thread(_) => Kind::Temporary,
    }
}

fn http_kind(error: &HttpError) -> Kind {
    match error {
        HttpError::TooLong { .. } | HttpError::LongRange { .. } | HttpError::Name { .. } => {
            Kind::Refused
        }
        error if error.is_temporary() => Kind::Temporary,
        _ => Kind::Failed,
    }
}

fn check_kind(error: &CheckError) -> Kind {
    match error {
        CheckError::Read { .. } => Kind::Failed,
        _ => Kind::Refused,
    }
}

fn install_kind(error: &InstallError) -> Kind {
    match error {
        InstallError::Disk(error) => error.kind(),
        InstallError::Fetch { source, .. } | InstallError::FetchPart { source, .. } => {
            fetch_kind(source)
        }
        InstallError::Image { source: DecodeError::Thread(_), .. }
        | InstallError::Blocks {
            source:
                DeltaError::Decode(DecodeError::Thread(_))
                | DeltaError::Survey(verity::Error::Thread(_)),
            ..
        } => Kind::Temporary,
        InstallError::Blocks { source, .. } if source.is_of_disk() => Kind::Failed,
        InstallError::NoMirror(error) => install_kind(error.first()),
        InstallError::Image { source: DecodeError::Write(_), .. } => Kind::Failed,
        InstallError::Refusal(_)
        | InstallError::Image { .. }
        | InstallError::Blocks { .. }
        | InstallError::LongPart { .. }
        | InstallError::Altered { .. }
        | InstallError::OverLimit { .. }
        | InstallError::Length { .. }
        | InstallError::Tree(_)
        | InstallError::NoTree => Kind::Refused,
        InstallError::Check { source, .. } => check_kind(source),
        InstallError::Flush { .. } => Kind::Failed,
        InstallError::Stopped => Kind::Bug,
    }
}
