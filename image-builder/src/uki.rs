//! The boot image: a unified kernel image.
//!
//! One EFI program: systemd's stub with os-release, command line, kernel and initial RAM filesystem as further
//! sections (see the UAPI group's specification of unified kernel images, and systemd-stub(7)). The same input
//! gives the same bytes.

mod command_line;
mod kernel;
mod pe;
mod writer;

pub use command_line::{CommandLine, CommandLineError, check_extra};
pub(crate) use kernel::release as kernel_release;
pub use pe::{Image, PeError, Section};

use crate::spec::Arch;

/// Why a boot image cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum UkiError {
    /// The stub is no EFI program that can be added to.
    #[error("the stub cannot be used")]
    Stub(#[source] PeError),
    /// The kernel is no EFI program.
    #[error("the kernel cannot be started by UEFI")]
    Kernel(#[source] PeError),
    /// It is for other machines.
    #[error("the {what} is for machine type {found:#06x}, not for {}", wanted.name())]
    Machine {
        /// The stub or the kernel.
        what: &'static str,
        /// Machine type in its header.
        found: u16,
        /// Architecture that is built for.
        wanted: Arch,
    },
}

/// What goes into a boot image.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// Architecture.
    pub arch: Arch,
    /// UEFI stub.
    pub stub: &'a [u8],
    /// Text of os-release.
    pub os_release: &'a str,
    /// Kernel command line.
    pub command_line: &'a str,
    /// Kernel.
    pub kernel: &'a [u8],
    /// Initial RAM filesystem.
    pub initramfs: Option<&'a [u8]>,
    /// Time in the header, in seconds since 1970.
    pub timestamp: u32,
}

/// Puts a boot image together.
///
/// # Errors
///
/// Refuses a stub or a kernel that is no EFI program for the architecture, and a stub that has no room for more sections.
pub fn assemble(parts: &Parts<'_>) -> Result<Vec<u8>, UkiError> {
    let stub = Image::parse(parts.stub).map_err(UkiError::Stub)?;
    let kernel = Image::parse(parts.kernel).map_err(UkiError::Kernel)?;
    expect_machine("stub", &stub, parts.arch)?;
    expect_machine("kernel", &kernel, parts.arch)?;
    let release = kernel::release(parts.kernel);
    let mut sections =
        vec![(".osrel", parts.os_release.as_bytes()), (".cmdline", parts.command_line.as_bytes())];
    sections.extend(release.as_deref().map(|text| (".uname", text.as_bytes())));
    sections.extend(parts.initramfs.map(|bytes| (".initrd", bytes)));
    // Last, since kernels may use the memory that follows them.
    sections.push((".linux", parts.kernel));
    writer::append(&stub, parts.stub, &sections, parts.timestamp).map_err(UkiError::Stub)
}

fn expect_machine(what: &'static str, image: &Image, arch: Arch) -> Result<(), UkiError> {
    if image.machine == machine(arch) {
        return Ok(());
    }
    Err(UkiError::Machine { what, found: image.machine, wanted: arch })
}

/// The machine type of an architecture's programs.
pub(crate) fn machine(arch: Arch) -> u16 {
    match arch {
        Arch::X86_64 => object::pe::IMAGE_FILE_MACHINE_AMD64.0,
        Arch::Aarch64 => object::pe::IMAGE_FILE_MACHINE_ARM64.0,
    }
}
