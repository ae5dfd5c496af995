//! Whether a program can be the first one: nothing else is there that it could need.

use object::Endianness;
use object::elf::{EM_AARCH64, EM_X86_64, FileHeader64, PT_INTERP};
use object::read::elf::{FileHeader, ProgramHeader};

use crate::spec::Arch;

/// Why it cannot be.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// It is no program for 64 bits.
    #[error("it is no ELF program of 64 bits")]
    NotElf(#[source] object::Error),
    /// It is for other machines.
    #[error("it is for ELF machine {found}, not for {}", wanted.name())]
    Machine {
        /// Number of the machine in its header.
        found: u16,
        /// Architecture that is built for.
        wanted: Arch,
    },
    /// It needs a loader and libraries.
    #[error(
        "it is linked dynamically, and there are no libraries: build it with `cargo initramfs`"
    )]
    Dynamic,
}

/// Checks the program that the kernel is to start.
pub(super) fn check(program: &[u8], arch: Arch) -> Result<(), ProgramError> {
    let header = FileHeader64::<Endianness>::parse(program).map_err(ProgramError::NotElf)?;
    let endian = header.endian().map_err(ProgramError::NotElf)?;
    let found = header.e_machine(endian).0;
    if found != machine(arch) {
        return Err(ProgramError::Machine { found, wanted: arch });
    }
    let segments = header.program_headers(endian, program).map_err(ProgramError::NotElf)?;
    let dynamic = segments.iter().any(|segment| segment.p_type(endian) == PT_INTERP);
    if dynamic { Err(ProgramError::Dynamic) } else { Ok(()) }
}

fn machine(arch: Arch) -> u16 {
    match arch {
        Arch::X86_64 => EM_X86_64.0,
        Arch::Aarch64 => EM_AARCH64.0,
    }
}
