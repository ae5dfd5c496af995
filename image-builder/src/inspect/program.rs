//! EFI programs and boot images.

use serde::Serialize;
use verity::BootParameter;

use super::Subject;
use crate::Error;
use crate::rootfs::OsRelease;
use crate::sign::{Signature, signatures};
use crate::spec::Arch;
use crate::uki::{self, Image};

/// The largest EFI program that is read into memory.
const MAX: u64 = 1 << 30;

/// What an EFI program says of itself.
#[derive(Clone, Debug, Serialize)]
pub struct ProgramFacts {
    /// Whether a kernel is in it.
    pub boot_image: bool,
    /// Machine type, `x86_64`, `aarch64` or its number.
    pub machine: String,
    /// Length that its headers give, in bytes.
    pub length: u64,
    /// Bytes of the file beyond.
    pub trailing_bytes: u64,
    /// Its sections.
    pub sections: Vec<SectionFacts>,
    /// Its signatures; none if what is there cannot be read.
    pub signatures: Option<Vec<Signature>>,
    /// Kernel command line.
    pub command_line: Option<String>,
    /// Release of the kernel.
    pub kernel_release: Option<String>,
    /// `VARIANT_ID` of os-release.
    pub variant: Option<String>,
    /// `VERSION_ID` of os-release.
    pub version: Option<String>,
    /// Root hash of the root image that it boots.
    pub root_hash: Option<String>,
    /// Data blocks of the root image that it boots.
    pub data_blocks: Option<u64>,
}

/// One section.
#[derive(Clone, Debug, Serialize)]
pub struct SectionFacts {
    /// Its name.
    pub name: String,
    /// Where it lies in the file.
    pub offset: u32,
    /// Its length in bytes.
    pub length: u32,
    /// Where it lies in memory.
    pub address: u32,
}

pub(super) fn facts(subject: &Subject<'_>) -> Result<ProgramFacts, Error> {
    if subject.length > MAX {
        return Err(subject.damaged("an EFI program", "it is larger than 1 GiB"));
    }
    let length = usize::try_from(subject.length)
        .map_err(|error| subject.damaged("an EFI program", error))?;
    let mut bytes = vec![0; length];
    subject.read(&mut bytes, 0)?;
    let image = Image::parse(&bytes).map_err(|error| subject.damaged("an EFI program", error))?;
    let text =
        |name| image.section(name, &bytes).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let os_release = image.section(".osrel", &bytes).map(OsRelease::new).unwrap_or_default();
    let command_line = text(".cmdline");
    let verity = command_line
        .as_deref()
        .and_then(|line| BootParameter::in_command_line(line).ok().flatten());
    let whole = image.file_length();
    // What lies beyond is told apart, and firmware does not see it.
    let end = usize::try_from(whole).map_or(bytes.len(), |whole| whole.min(bytes.len()));
    Ok(ProgramFacts {
        boot_image: image.section(".linux", &bytes).is_some(),
        machine: machine(image.machine),
        length: whole,
        trailing_bytes: subject.length.saturating_sub(whole),
        signatures: signatures(&image, &bytes[..end]),
        sections: image.sections.iter().map(SectionFacts::of).collect(),
        command_line,
        kernel_release: text(".uname"),
        variant: os_release.field("VARIANT_ID"),
        version: os_release.field("VERSION_ID"),
        root_hash: verity.as_ref().map(|verity| verity.root_hash.to_string()),
        data_blocks: verity.map(|verity| verity.data_blocks),
    })
}

impl SectionFacts {
    fn of(section: &uki::Section) -> Self {
        Self {
            name: section.name.clone(),
            offset: section.offset,
            length: section.length,
            address: section.address,
        }
    }
}

fn machine(number: u16) -> String {
    let known =
        [Arch::X86_64, Arch::Aarch64].into_iter().find(|arch| uki::machine(*arch) == number);
    known.map_or_else(|| format!("{number:#06x}"), |arch| arch.name().to_owned())
}
