//! What can go wrong, with whose fault it is and what to do next.

use std::io;
use std::path::PathBuf;

use cli::{Classify, Kind};
use manifest::PolicyError;
use semver::Version;
use trust::{RoleName, Sha256};

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a repository was not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A file could not be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Standard output, or the server's socket.
    #[error("cannot {action}")]
    Edge {
        /// What was tried.
        action: String,
        /// Why it failed.
        source: io::Error,
    },
    /// Another process changes the repository.
    #[error("{} is being changed by another process", .0.display())]
    Busy(PathBuf),
    /// `--metadata-dir` leads out of the repository, or into its targets.
    #[error("metadata folder {} is not a path below the repository beside 'targets'", .0.display())]
    MetadataDir(PathBuf),
    /// A folder that has no metadata.
    #[error("{} holds no repository", .0.display())]
    NoRepository(PathBuf),
    /// A folder that is not empty cannot become a repository.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// A bundle of other contents.
    #[error("{} exists already, with other contents", .0.display())]
    OtherBundle(PathBuf),
    /// The manifest names a target that there is not.
    #[error("the manifest names {0}, which the repository's metadata does not list")]
    Unlisted(String),
    /// Private keys below what is served.
    #[error("the key folder {} lies inside the repository, where it would be published", .0.display())]
    KeysInside(PathBuf),
    /// A file that holds no private key.
    #[error("{} holds no private key of a known kind: {reason}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong, in words.
        reason: String,
    },
    /// Too few of a role's keys are at hand.
    #[error("the keys in {} can give {have} of the {need} signatures that {role} metadata needs", folder.display())]
    Keys {
        /// The key folder.
        folder: PathBuf,
        /// The role.
        role: RoleName,
        /// How many of the role's keys are there.
        have: u64,
        /// The role's threshold.
        need: u64,
        /// Key files that should speak for the role by their name, or for none by the root.
        others: Vec<PathBuf>,
    },
    /// Signing failed.
    #[error("cannot sign {role} metadata: {reason}")]
    Sign {
        /// The role.
        role: RoleName,
        /// Why, in words.
        reason: String,
    },
    /// A threshold on the command line.
    #[error(
        "threshold {0:?} is not ROLE=NUMBER, with root, targets, snapshot or timestamp, and 1 to 16"
    )]
    Threshold(String),
    /// The metadata on disk does not verify, or what was to be published would not.
    #[error("{what}")]
    Trust {
        /// Which metadata.
        what: &'static str,
        /// Why not.
        source: trust::Error,
    },
    /// Metadata that verifies, but that this program cannot edit.
    #[error("{role} metadata cannot be edited: {reason}")]
    Schema {
        /// The role.
        role: RoleName,
        /// Why not, in words.
        reason: String,
    },
    /// The manifest that is published, or that was to be.
    #[error("the release manifest is not valid")]
    Manifest(#[from] manifest::Error),
    /// A wave policy.
    #[error("{} is no wave policy", path.display())]
    Waves {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: PolicyError,
    },
    /// An expiry policy.
    #[error("{} is no expiry policy: {reason}", path.display())]
    ExpiryPolicy {
        /// The file.
        path: PathBuf,
        /// Why not, in words.
        reason: String,
    },
    /// A time beyond the calendar.
    #[error("a time runs beyond the calendar")]
    Calendar,
    /// A build report, or a migrations file.
    #[error("{} is broken: {reason}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong, in words.
        reason: String,
    },
    /// A file is not the one that the build report describes.
    #[error("{} is not the file of the build report: {reason}", path.display())]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// Which of length and digest differs, in words.
        reason: String,
    },
    /// A delta pack could not be made.
    #[error("cannot make the pack from {from}")]
    Pack {
        /// The release that hosts have.
        from: Version,
        /// Why not.
        source: pack::make::MakeError,
    },
    /// Frames could not be made.
    #[error("cannot make the frames of {release}")]
    Frames {
        /// The release.
        release: String,
        /// Why not.
        source: ::frames::make::MakeError,
    },
    /// A release that was to have nothing but frames, and is not fit for them.
    #[error("release {release} cannot be published as frames alone: {reason}")]
    NoFrames {
        /// The release.
        release: String,
        /// Why not, in words.
        reason: String,
    },
    /// A target name that some client could take for something else.
    #[error("{0:?} cannot be a target name: letters, digits, '.', '_', '+' and '-' only")]
    TargetName(String),
    /// `--max-version` below the release itself.
    #[error("the highest version {max_version} lies below the release {version}")]
    MaxVersion {
        /// What was given.
        max_version: Version,
        /// The release.
        version: Version,
    },
    /// The version is published with other contents.
    #[error("release {0} is published already, with other contents")]
    Different(String),
    /// The version is published with other waves.
    #[error("release {0} is published already, with other waves")]
    OtherWaves(String),
    /// The version was published and withdrawn.
    #[error("release {0} was withdrawn")]
    WasWithdrawn(String),
    /// A migration target is published with other contents.
    #[error("migration {name} is published already with other contents (sha256 {published})")]
    OtherMigration {
        /// Name of the target.
        name: String,
        /// Its published digest.
        published: Sha256,
    },
    /// Two versions are connected by other migrations already.
    #[error("other migrations from {from} to {to} are published already")]
    OtherStep {
        /// The lower version.
        from: Version,
        /// The higher version.
        to: Version,
    },
    /// No release matches.
    #[error("there is no release {0} in the repository")]
    NoRelease(String),
    /// Several releases match.
    #[error("several releases match: {}", .0.join(", "))]
    Ambiguous(Vec<String>),
    /// A seed on the command line.
    #[error("seed {0} is above 2047")]
    Seed(u64),
    /// `check` found what clients would refuse.
    #[error("the repository has {0} errors")]
    Unsound(usize),
}

impl Classify for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Read { .. } | Self::Write { .. } | Self::Edge { .. } | Self::Sign { .. } => {
                Kind::Failed
            }
            Self::NoRepository(_) | Self::Key { .. } | Self::Schema { .. } | Self::Pack { .. } => {
                Kind::Failed
            }
            Self::Frames { .. } => Kind::Failed,
            Self::Busy(_) => Kind::Temporary,
            Self::Trust { source, .. } => match source.kind() {
                trust::Kind::Refused => Kind::Refused,
                trust::Kind::Failed => Kind::Failed,
                trust::Kind::Temporary => Kind::Temporary,
            },
            Self::MetadataDir(_) | Self::Threshold(_) | Self::Waves { .. } => Kind::Usage,
            Self::ExpiryPolicy { .. } | Self::Calendar | Self::Ambiguous(_) => Kind::Usage,
            Self::NoRelease(_) | Self::MaxVersion { .. } | Self::Seed(_) => Kind::Usage,
            _ => Kind::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Busy(_) => "wait for the other process to end, then try again".into(),
            Self::NoRepository(_) => {
                "make one with 'repo-tools init', or check --metadata-dir".into()
            }
            Self::Exists(path) => format!(
                "choose another folder; remove {} only if an 'init' that was cut off left it",
                path.display()
            ),
            Self::OtherBundle(_) => "--replace puts the new one in its place".into(),
            Self::Unlisted(_) => "publish the release again with --replace".into(),
            Self::KeysInside(_) => "choose a key folder outside of the repository".into(),
            Self::Keys { role, others, .. } => {
                let strangers =
                    others.iter().map(|path| format!(" ({} is none of them)", path.display()));
                let strangers: String = strangers.collect();
                format!(
                    "put the private keys of {role} into the key folder, as {role}.pem{strangers}"
                )
            }
            Self::Trust { source: trust::Error::Expired { role: RoleName::Root, .. }, .. } => {
                "sign a new root with 'repo-tools refresh --root', with the root keys".into()
            }
            Self::Trust { source: trust::Error::Expired { .. }, .. } => {
                "sign it again with 'repo-tools refresh --all'".into()
            }
            Self::Trust { .. } => {
                "'repo-tools check' says all that is wrong; restore the files from a copy".into()
            }
            Self::Mismatch { .. } | Self::Broken { .. } => {
                "build the release again, or copy its folder again".into()
            }
            Self::Different(_) => {
                "choose a new version; --replace only if no host has it yet".into()
            }
            Self::OtherWaves(_) => "change them with 'repo-tools release waves'".into(),
            Self::WasWithdrawn(_) => {
                "choose a new version, or publish it again with --replace".into()
            }
            Self::NoFrames { .. } => "publish it with '--images lz4'".into(),
            Self::OtherMigration { .. } => "give the migration a new name".into(),
            Self::NoRelease(_) => "'repo-tools release list' shows what there is".into(),
            Self::Ambiguous(_) => "add --variant and --arch".into(),
            Self::Unsound(_) => "each finding above says what to do".into(),
            _ => return None,
        })
    }
}
