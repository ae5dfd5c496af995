//! Which set was started.
//!
//! The boot selector says it in a variable of the firmware that does not outlive a restart. A kernel that was started without
//! the selector has no such variable; then `waystone.set=` on its command line says it, and never if both say different things.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use gptprio::SetId;
use thiserror::Error;

/// The variable, by the name of its file in efivarfs.
pub const VARIABLE: &str = "WaystoneBootedSet-0cb3681a-631b-4228-9c6c-c583c583d289";

/// Attributes of a variable that only whoever runs before the operating system can make, and that is gone with the next
/// restart: `EFI_VARIABLE_BOOTSERVICE_ACCESS | EFI_VARIABLE_RUNTIME_ACCESS` (UEFI specification 2.10, section 8.2).
const VOLATILE: u32 = 0x6;

/// Why it is not known which set was started.
#[derive(Debug, Error)]
pub enum BootedSetError {
    /// The variable cannot be read.
    #[error("cannot read the variable {VARIABLE}")]
    Read(#[source] io::Error),
    /// The variable may be left over from an earlier start, or be the operating system's.
    #[error(
        "the variable {VARIABLE} has attributes {0:#x}, and the boot selector's has {VOLATILE:#x}"
    )]
    Attributes(u32),
    /// The variable names no set.
    #[error("the variable {VARIABLE} names no set")]
    Content,
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
        Ok(bytes) => Some(parse(&bytes)?),
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

/// A variable as efivarfs gives it: four bytes of attributes, then the content, here the letter of the set.
fn parse(bytes: &[u8]) -> Result<SetId, BootedSetError> {
    let (attributes, content) = bytes.split_first_chunk().ok_or(BootedSetError::Content)?;
    match (u32::from_le_bytes(*attributes), content) {
        (VOLATILE, b"A") => Ok(SetId::A),
        (VOLATILE, b"B") => Ok(SetId::B),
        (VOLATILE, _) => Err(BootedSetError::Content),
        (attributes, _) => Err(BootedSetError::Attributes(attributes)),
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
        assert!(matches!(error, BootedSetError::Attributes(7)), "{error}");
    }

    #[test]
    fn content_that_is_no_set_is_refused() {
        for content in [&b""[..], b"\x06\0\0", b"\x06\0\0\0", b"\x06\0\0\0C", b"\x06\0\0\0A\0"] {
            let error = set(Some(content), Some(SetId::A)).unwrap_err();
            assert!(matches!(error, BootedSetError::Content), "{content:?}: {error}");
        }
    }
}
