//! Which set was started.
//!
//! The boot selector says it in a variable of the firmware that does not outlive a restart. A kernel that was started without
//! the selector has no such variable; then `waystone.set=` on its command line says it, and never if both say different things.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use gptprio::SetId;
use handover::{Variable, VariableError};
use thiserror::Error;

/// The variable, by the name of its file in efivarfs.
const VARIABLE: &str = Variable::BootedSet.file_name();

/// Why it is not known which set was started.
#[derive(Debug, Error)]
pub enum BootedSetError {
    /// The variable cannot be read.
    #[error("cannot read the variable {VARIABLE}")]
    Read(#[source] io::Error),
    /// The variable is not the boot selector's.
    #[error("cannot take the variable {VARIABLE}")]
    Variable(#[source] VariableError),
    /// Nobody says it.
    #[error("neither the boot selector nor waystone.set= says which set was started")]
    Unsaid,
    /// Two answers.
    #[error(
        "the boot selector says that set {variable} was started, and the command line says {parameter}"
    )]
    Differ {
        /// What the variable says.
        variable: SetId,
        /// What the command line says.
        parameter: SetId,
    },
}

/// The set that was started, from the variables in `efivars` and what the command line says.
///
/// # Errors
///
/// Fails when nobody says it, when two say different things, or when the variable is not the boot selector's.
pub fn booted_set(efivars: &Path, parameter: Option<SetId>) -> Result<SetId, BootedSetError> {
    let variable = match fs::read(efivars.join(VARIABLE)) {
        Ok(bytes) => Some(handover::booted_set(&bytes).map_err(BootedSetError::Variable)?),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(BootedSetError::Read(error)),
    };
    match (variable, parameter) {
        (Some(variable), Some(parameter)) if variable != parameter => {
            Err(BootedSetError::Differ { variable, parameter })
        }
        (Some(set), _) | (None, Some(set)) => Ok(set),
        (None, None) => Err(BootedSetError::Unsaid),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn efivars(content: Option<&[u8]>) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        if let Some(content) = content {
            fs::write(folder.path().join(VARIABLE), content).unwrap();
        }
        folder
    }

    fn set(content: Option<&[u8]>, parameter: Option<SetId>) -> Result<SetId, BootedSetError> {
        booted_set(efivars(content).path(), parameter)
    }

    #[test]
    fn the_selector_says_it() {
        assert_eq!(set(Some(b"\x06\0\0\0A"), None).unwrap(), SetId::A);
        assert_eq!(set(Some(b"\x06\0\0\0B"), None).unwrap(), SetId::B);
        assert_eq!(set(Some(b"\x06\0\0\0B"), Some(SetId::B)).unwrap(), SetId::B);
    }

    #[test]
    fn without_the_selector_the_command_line_says_it() {
        assert_eq!(set(None, Some(SetId::B)).unwrap(), SetId::B);
        assert!(matches!(set(None, None), Err(BootedSetError::Unsaid)));
        let missing = booted_set(Path::new("/nonexistent/efivars"), Some(SetId::A));
        assert_eq!(missing.unwrap(), SetId::A);
    }

    #[test]
    fn a_command_line_does_not_overrule_the_selector() {
        let error = set(Some(b"\x06\0\0\0B"), Some(SetId::A)).unwrap_err();
        assert!(matches!(error, BootedSetError::Differ { variable: SetId::B, .. }), "{error}");
    }

    #[test]
    fn a_variable_that_outlives_a_restart_is_not_the_selectors() {
        let error = set(Some(b"\x07\0\0\0A"), Some(SetId::A)).unwrap_err();
        let wanted = VariableError::Attributes(7);
        assert!(matches!(error, BootedSetError::Variable(it) if it == wanted), "{error}");
    }

    #[test]
    fn content_that_is_no_set_is_refused() {
        for content in [&b""[..], b"\x06\0\0", b"\x06\0\0\0", b"\x06\0\0\0C", b"\x06\0\0\0A\0"] {
            let error = set(Some(content), Some(SetId::A)).unwrap_err();
            assert!(matches!(error, BootedSetError::Variable(_)), "{content:?}: {error}");
        }
    }
}
