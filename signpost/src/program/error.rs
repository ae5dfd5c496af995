//! What the program says when it does not do what it was asked to.

use std::io;
use std::path::PathBuf;

use cli::{Classify, Kind};
use gptprio::Refusal;
use thiserror::Error;

use crate::TargetError;

/// Why the program did not do what it was asked to.
#[derive(Debug, Error)]
pub enum ProgramError {
    /// The disk or the running set is not known.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The command is about the running set, and it is not known which that is.
    #[error("which set of {} counts as running is not known", disk.display())]
    ActiveUnknown { disk: PathBuf },
    /// The rules say no.
    #[error("{command} is refused on {}", disk.display())]
    Refused { command: &'static str, disk: PathBuf, source: Refusal },
    /// Something about the disk.
    #[error(transparent)]
    Disk(#[from] crate::Error),
    /// The reader of our output has gone.
    #[error("cannot write to standard output")]
    Output(#[from] io::Error),
}

impl Classify for ProgramError {
    fn kind(&self) -> Kind {
        match self {
            Self::Target(error) => error.kind(),
            Self::ActiveUnknown { .. } => Kind::Usage,
            Self::Refused { .. } => Kind::Refused,
            Self::Disk(error) => error.kind(),
            Self::Output(_) => Kind::Failed,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Target(error) => error.hint(),
            Self::ActiveUnknown { .. } => Some("say it with --active A or --active B".to_owned()),
            Self::Refused { source, .. } => source.advice().map(str::to_owned),
            Self::Disk(error) => error.hint(),
            Self::Output(_) => None,
        }
    }
}
