//! The variables and their files.

use gptprio::SetId;
use thiserror::Error;

/// Where the firmware's variables are.
pub const EFIVARS: &str = "/sys/firmware/efi/efivars";

/// Attributes of a variable that only whoever runs before the operating system can make, and that is gone with the next
/// restart: `EFI_VARIABLE_BOOTSERVICE_ACCESS | EFI_VARIABLE_RUNTIME_ACCESS`.
const VOLATILE: u32 = 0x6;

/// The vendor GUID of both variables.
macro_rules! vendor {
    () => {
        "0cb3681a-631b-4228-9c6c-c583c583d289"
    };
}

/// A volatile variable of the firmware. They have one vendor GUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variable {
    /// The set that was started.
    BootedSet,
    /// Why it was.
    BootReason,
}

impl Variable {
    /// Both.
    pub const ALL: [Self; 2] = [Self::BootedSet, Self::BootReason];

    /// The vendor GUID of both.
    pub const VENDOR: &str = vendor!();

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BootedSet => "WaystoneBootedSet",
            Self::BootReason => "WaystoneBootReason",
        }
    }

    /// The name of its file in efivarfs.
    #[must_use]
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::BootedSet => concat!("WaystoneBootedSet-", vendor!()),
            Self::BootReason => concat!("WaystoneBootReason-", vendor!()),
        }
    }
}

/// Why a variable says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum VariableError {
    /// It is shorter than its attributes.
    #[error("it has no content")]
    Short,
    /// It may be left over from an earlier start, or be the operating system's.
    #[error("it has attributes {0:#x}, and the boot selector's has {VOLATILE:#x}")]
    Attributes(u32),
    /// It names no set.
    #[error("it names no set")]
    Set,
}

/// What a variable says, from its file in efivarfs: four bytes of attributes, then the content.
///
/// # Errors
///
/// Refuses one that is not the boot selector's.
pub fn content(file: &[u8]) -> Result<&[u8], VariableError> {
    let (attributes, content) = file.split_first_chunk().ok_or(VariableError::Short)?;
    match u32::from_le_bytes(*attributes) {
        VOLATILE => Ok(content),
        other => Err(VariableError::Attributes(other)),
    }
}

/// The set that was started, from the file of [`Variable::BootedSet`].
///
/// # Errors
///
/// Refuses a variable that is not the boot selector's, and any content but one letter.
pub fn booted_set(file: &[u8]) -> Result<SetId, VariableError> {
    match content(file)? {
        b"A" => Ok(SetId::A),
        b"B" => Ok(SetId::B),
        _ => Err(VariableError::Set),
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn files_are_named_after_variable_and_vendor() {
        for variable in Variable::ALL {
            let name = format!("{}-{}", variable.name(), Variable::VENDOR);
            assert_eq!(variable.file_name(), name);
        }
    }

    #[test]
    fn a_set_is_one_letter_behind_the_attributes() {
        assert_eq!(booted_set(b"\x06\0\0\0A"), Ok(SetId::A));
        assert_eq!(booted_set(b"\x06\0\0\0B"), Ok(SetId::B));
        for file in [&b"\x06\0\0\0"[..], b"\x06\0\0\0C", b"\x06\0\0\0A\0", b"\x06\0\0\0a"] {
            assert_eq!(booted_set(file), Err(VariableError::Set), "{file:?}");
        }
    }

    #[test]
    fn a_variable_that_outlives_a_restart_is_not_the_selectors() {
        assert_eq!(booted_set(b"\x07\0\0\0A"), Err(VariableError::Attributes(7)));
        assert_eq!(content(b"\x06\0\0"), Err(VariableError::Short));
        assert_eq!(content(b"\x06\0\0\0"), Ok(&b""[..]));
    }
}
