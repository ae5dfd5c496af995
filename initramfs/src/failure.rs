//! What ends a start.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::booted_set::BootedSetError;
use crate::command_line::CommandLineError;
use crate::device_mapper::DeviceMapperError;
use crate::kernel_table::TooManyBlocks;
use crate::mounts::MountError;
use crate::search::SearchError;

/// Why the system could not be started.
#[derive(Debug, Error)]
pub enum Failure {
    /// Something could not be mounted.
    #[error(transparent)]
    Mount(#[from] MountError),
    /// A file could not be read.
    #[error("cannot read {}", .0.display())]
    Read(PathBuf, #[source] io::Error),
    /// The command line does not say what to boot.
    #[error(transparent)]
    CommandLine(#[from] CommandLineError),
    /// It is not known which set was started.
    #[error(transparent)]
    BootedSet(#[from] BootedSetError),
    /// The image was not found.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// The image cannot be as large.
    #[error(transparent)]
    Blocks(#[from] TooManyBlocks),
    /// The root could not be made a verified device.
    #[error("cannot make the verified root")]
    Root(#[from] DeviceMapperError),
    /// The program of the root filesystem could not be started.
    #[error("cannot start {}", .0.display())]
    Start(PathBuf, #[source] io::Error),
}

/// An error and its causes, in one line.
pub fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    let mut text = error.to_string();
    causes.for_each(|cause| text.extend([": ", &cause.to_string()]));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_follow_and_are_not_repeated() {
        let source = io::ErrorKind::NotFound.into();
        let failure = Failure::Start("/sbin/init".into(), source);
        assert_eq!(chain(&failure), "cannot start /sbin/init: entity not found");
        let failure = Failure::from(BootedSetError::Unsaid);
        assert_eq!(chain(&failure), BootedSetError::Unsaid.to_string());
    }
}
