//! A whole disk as a file: partition table, EFI system partition, both sets, private and data.
//!
//! Set A is filled with the images of a build and can boot (priority 1, successful); set B is empty and cannot. The
//! file is sparse: what is zero takes no room. It is made beside its place and renamed when it is whole.

mod blocks;
mod efi;
mod fill;
mod geometry;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use cli::{Kind, Progress};
use gptdisk::{CreateError, Guid, NewTable};
use gptprio::SetId;
use manifest::report::{Artifact, BuildReport, FORMAT};
use serde::Serialize;
use tempfile::NamedTempFile;
use uuid::Uuid;

use crate::Error;
use crate::error::OnFile;
use crate::filesystem::{EmptyExt4, format_empty_ext4};
use crate::identity::derived_uuid;
use crate::sign::{SignError, Signer, Signing, signatures};
use crate::spec::Spec;
use crate::tree_file::{beside, persist};
use crate::uki::Image;

pub(crate) use blocks::FileBlocks;
pub use geometry::{Part, Role};

/// Why a disk could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// The build report is no report.
    #[error("{} is not a valid build report", path.display())]
    Report {
        /// The report.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// The build report has another format.
    #[error("{} has format {found}, and this program knows {FORMAT}", path.display())]
    Format {
        /// The report.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// An image is not the one of the build report.
    #[error("{} is not the image of the build report: it {how}", path.display())]
    Image {
        /// The image.
        path: PathBuf,
        /// In which way it differs.
        how: String,
    },
    /// The report names a file outside its folder.
    #[error("the build report names '{0}', which is no file beside it")]
    Name(String),
    /// An image is larger than its partition.
    #[error("the {part} image has {image} bytes, and its partition {partition}")]
    TooLarge {
        /// The part.
        part: &'static str,
        /// Bytes of the image.
        image: u64,
        /// Bytes of the partition.
        partition: u64,
    },
    /// There can be no such partition table.
    #[error("cannot lay out the disk")]
    Layout(#[from] CreateError),
    /// The table could not be written.
    #[error("cannot write the partition table")]
    Table(#[source] gptdisk::WriteError<std::io::Error>),
    /// The file for the EFI system partition does not fit.
    #[error("cannot put the EFI system partition together")]
    Efi(#[source] std::io::Error),
    /// The output is something else than a file.
    #[error("{} is not a regular file; a disk is made as a file, and copied to a device by hand", .0.display())]
    NotFile(PathBuf),
}

impl DiskError {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Efi(_) | Self::Table(_) => Kind::Failed,
            _ => Kind::Refused,
        }
    }
}

/// What disk to make.
#[derive(Clone, Debug)]
pub struct Request {
    /// Output folder of a build.
    pub parts: PathBuf,
    /// The disk.
    pub out: PathBuf,
    /// Identity of the disk; from the product line if absent.
    pub disk_guid: Option<Uuid>,
    /// An EFI program that the firmware starts.
    pub efi_binary: Option<PathBuf>,
    /// Says with what the EFI program is signed; without it, it is taken as it is.
    pub spec: Option<Spec>,
    /// Leaves private and data without filesystems.
    pub leave_empty: bool,
    /// Shows no progress.
    pub quiet: bool,
}

/// A disk that was made.
#[derive(Clone, Debug, Serialize)]
pub struct DiskReport {
    /// The file.
    pub file: PathBuf,
    /// Its length in bytes.
    pub length: u64,
    /// Identity of the disk.
    pub disk_guid: String,
    /// Version of the release in set A.
    pub version: String,
    /// Who signed the EFI program, as far as its signatures can be read.
    pub efi_signed_by: Vec<Signer>,
    /// Whether the boot image is signed and the EFI program, which would start it, is not.
    pub only_boot_image_signed: bool,
    /// Its partitions.
    pub partitions: Vec<Part>,
}

/// Makes a disk from the output folder of a build.
///
/// # Errors
///
/// Refuses images that are not those of the build report.
pub fn make(request: &Request) -> Result<DiskReport, Error> {
    let report = read_report(&request.parts)?;
    check_names_and_sizes(&report)?;
    if fs::metadata(&request.out).is_ok_and(|found| !found.is_file()) {
        return Err(DiskError::NotFile(request.out.clone()).into());
    }
    let guid = request.disk_guid.unwrap_or_else(|| derived_uuid("disk", &[&report.product_line]));
    let program = efi_program(request)?;
    let efi_signed_by = program.as_deref().map(signers).unwrap_or_default();
    let mut disk = Disk::lay_out(request, &report, guid)?;
    disk.fill(program.as_deref())?;
    disk.write_table()?;
    let (length, partitions) = (disk.length, disk.partitions);
    persist(disk.file, &request.out)?;
    Ok(DiskReport {
        file: request.out.clone(),
        length,
        disk_guid: guid.to_string(),
        version: report.version.to_string(),
        only_boot_image_signed: report.secure_boot.is_some()
            && program.is_some()
            && efi_signed_by.is_empty(),
        efi_signed_by,
        partitions,
    })
}

/// The EFI program, signed if it is to be.
fn efi_program(request: &Request) -> Result<Option<Vec<u8>>, Error> {
    let Some(path) = &request.efi_binary else { return Ok(None) };
    let program = fs::read(path).on("read", path)?;
    let Some(spec) = &request.spec else { return Ok(Some(program)) };
    let signing = Signing::of(spec)?.ok_or(SignError::None)?;
    Ok(Some(signing.sign(&program)?))
}

/// Who signed a program.
fn signers(program: &[u8]) -> Vec<Signer> {
    let image = Image::parse(program).ok();
    let found = image.and_then(|image| signatures(&image, program)).unwrap_or_default();
    found.into_iter().filter_map(|signature| signature.signer).collect()
}

/// Time of the empty filesystems: 2024-01-01T00:00:00Z.
const TIMESTAMP: u32 = 1_704_067_200;

/// Reads the report of a build.
pub(crate) fn read_report(folder: &Path) -> Result<BuildReport, Error> {
    let path = folder.join("build-report.json");
    let text = fs::read(&path).on("read", &path)?;
    let report: BuildReport = serde_json::from_slice(&text)
        .map_err(|source| DiskError::Report { path: path.clone(), source })?;
    match report.format {
        FORMAT => Ok(report),
        found => Err(DiskError::Format { path, found }.into()),
    }
}

fn check_names_and_sizes(report: &BuildReport) -> Result<(), DiskError> {
    let (images, layout) = (&report.images, &report.layout);
    for (part, image, partition) in [
        ("boot", &images.boot, layout.boot_bytes),
        ("root", &images.root, layout.root_bytes),
        ("hash", &images.hash, layout.hash_bytes),
    ] {
        let Artifact { file, length, .. } = &image.raw;
        if file.contains('/') || matches!(file.as_str(), "" | "." | "..") {
            return Err(DiskError::Name(file.clone()));
        }
        if *length > partition {
            return Err(DiskError::TooLarge { part, image: *length, partition });
        }
    }
    Ok(())
}

/// A disk in the making.
struct Disk<'a> {
    request: &'a Request,
    report: &'a BuildReport,
    file: NamedTempFile,
    length: u64,
    table: NewTable,
    partitions: Vec<Part>,
}

impl<'a> Disk<'a> {
    fn lay_out(request: &'a Request, report: &'a BuildReport, guid: Uuid) -> Result<Self, Error> {
        let guid = Guid::from_text_order(*guid.as_bytes());
        let (length, table, partitions) =
            geometry::lay_out(report, guid).map_err(DiskError::Layout)?;
        let file = beside(&request.out)?;
        file.as_file().set_len(length).on("write", file.path())?;
        Ok(Self { request, report, file, length, table, partitions })
    }

    /// Puts everything into the partitions.
    fn fill(&self, program: Option<&[u8]>) -> Result<(), Error> {
        for part in &self.partitions {
            match (part.role, part.set) {
                (Role::Boot, Some(SetId::A)) => self.image(part, &self.report.images.boot.raw)?,
                (Role::Root, Some(SetId::A)) => self.image(part, &self.report.images.root.raw)?,
                (Role::Hash, Some(SetId::A)) => self.image(part, &self.report.images.hash.raw)?,
                (Role::Efi, _) => self.efi(part, program)?,
                (Role::Private, _) => self.filesystem(part, "private")?,
                (Role::Data, _) => self.filesystem(part, "data")?,
                _ => {}
            }
        }
        Ok(())
    }

    /// An image of the build, compared with the report on its way.
    fn image(&self, part: &Part, image: &Artifact) -> Result<(), Error> {
        let path = self.request.parts.join(&image.file);
        let small = part.role != Role::Root;
        let progress = Progress::new(part.label.clone(), image.length, self.request.quiet || small);
        let to = (self.file.as_file(), self.request.out.as_path());
        let add = |bytes| progress.add(bytes);
        let measured = fill::copy_sparse(&path, to, part.start, image.length, &add)?;
        progress.finish();
        let how = if measured.length != image.length {
            format!("has {} bytes instead of {}", measured.length, image.length)
        } else if measured.sha256 != image.sha256 {
            format!("has the digest {}", measured.sha256)
        } else {
            return Ok(());
        };
        Err(DiskError::Image { path, how }.into())
    }

    fn efi(&self, part: &Part, program: Option<&[u8]>) -> Result<(), Error> {
        let serial =
            derived_uuid("volume", &[&self.report.product_line, &part.label]).as_fields().0;
        let image = efi::image(part.length, serial, &self.report.arch, program);
        let image = image.map_err(DiskError::Efi)?;
        Ok(fill::write_sparse(&image, self.file.as_file(), part.start)
            .on("write", self.file.path())?)
    }

    fn filesystem(&self, part: &Part, label: &str) -> Result<(), Error> {
        if self.request.leave_empty {
            return Ok(());
        }
        let filesystem = EmptyExt4 {
            uuid: derived_uuid("filesystem", &[&self.report.product_line, label]),
            label: Some(label),
            timestamp: TIMESTAMP,
            journal: true,
            start: part.start,
            length: part.length,
        };
        Ok(format_empty_ext4(&filesystem, None, self.file.path())?)
    }

    fn write_table(&mut self) -> Result<(), Error> {
        let file: &File = self.file.as_file();
        let mut blocks = FileBlocks::new(file, self.length, gptdisk::BlockSize::B512);
        self.table.write(&mut blocks).map_err(DiskError::Table)?;
        Ok(())
    }
}
