//! The initial RAM filesystem: our program, and the modules that it needs to reach the root image.
//!
//! ```text
//! /init              the program
//! /modules           paths of the modules, in the order in which they are loaded
//! /lib/modules/*.ko  the modules, not compressed by themselves
//! /dev/console       where the kernel opens the program's standard streams
//! /dev/null          what takes their place on a machine without a console
//! /proc /sys /root   to be mounted on
//! ```
//!
//! A cpio archive in the format that kernels read ("newc"; Linux' `Documentation/driver-api/early-userspace/
//! buffer-format.rst`), in a fixed order, with the time of the spec: the same input gives the same bytes.

mod archive;
mod modules;
mod program;
mod unpack;

use cli::Kind;

use crate::Error;
use crate::rootfs::Tree;
use crate::spec::{Compression, FilesystemKind, MadeInitramfs, Spec};

use archive::Archive;

pub use archive::TooLarge;
pub use modules::ModulesError;
pub use program::ProgramError;

/// Level of zstd. The highest of the usual ones: it is compressed once and loaded at every boot.
const LEVEL: i32 = 19;

/// Why an initial RAM filesystem cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum InitramfsError {
    /// The spec has none.
    #[error("the spec has no 'initramfs'")]
    None,
    /// The program cannot run there.
    #[error("the program of the initial RAM filesystem cannot be used")]
    Program(#[from] ProgramError),
    /// Modules are missing or damaged.
    #[error(transparent)]
    Modules(#[from] ModulesError),
    /// The format has no room for it.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// It could not be compressed.
    #[error("cannot compress the initial RAM filesystem")]
    Compress(#[source] std::io::Error),
}

impl InitramfsError {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::None | Self::Program(_) | Self::Modules(ModulesError::Missing { .. }) => {
                Kind::Usage
            }
            Self::Modules(_) | Self::Compress(_) => Kind::Failed,
            Self::TooLarge(_) => Kind::Refused,
        }
    }
}

/// Puts an initial RAM filesystem together: `program` and the modules of `tree` for this kernel.
///
/// # Errors
///
/// Refuses a program that is not linked statically for the architecture, and names the modules that are missing.
pub fn make(
    spec: &Spec,
    made: &MadeInitramfs,
    program: &[u8],
    kernel: &[u8],
    tree: &Tree,
) -> Result<Vec<u8>, Error> {
    program::check(program, spec.arch).map_err(InitramfsError::from)?;
    let wanted = wanted(spec.filesystem, made);
    let modules = modules::collect(tree, kernel, &wanted).map_err(InitramfsError::from)?;
    Ok(pack(program, &modules, spec.timestamp, made.compression)?)
}

fn wanted(filesystem: FilesystemKind, made: &MadeInitramfs) -> Vec<modules::Wanted> {
    let usual = if made.usual_modules { modules::usual(filesystem) } else { Vec::new() };
    usual.into_iter().chain(made.modules.iter().cloned().map(modules::Wanted::needed)).collect()
}

fn pack(
    program: &[u8],
    modules: &[modules::Module],
    time: u32,
    compression: Compression,
) -> Result<Vec<u8>, InitramfsError> {
    let mut archive = Archive::new(time);
    for folder in ["dev", "lib", "lib/modules", "proc", "root", "sys"] {
        archive.folder(folder)?;
    }
    archive.character_device("dev/console", 0o600, 5, 1)?;
    archive.character_device("dev/null", 0o666, 1, 3)?;
    archive.file("init", 0o755, program)?;
    let paths: Vec<String> =
        modules.iter().map(|module| format!("lib/modules/{}.ko", module.name)).collect();
    let list: String = paths.iter().map(|path| format!("{path}\n")).collect();
    archive.file("modules", 0o644, list.as_bytes())?;
    for (path, module) in paths.iter().zip(modules) {
        archive.file(path, 0o644, &module.bytes)?;
    }
    let bytes = archive.finish()?;
    match compression {
        Compression::None => Ok(bytes),
        Compression::Zstd => zstd::bulk::compress(&bytes, LEVEL).map_err(InitramfsError::Compress),
    }
}

#[cfg(test)]
mod tests;
