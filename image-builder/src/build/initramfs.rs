//! The initial RAM filesystem alone, to look into it or to start a kernel with it by hand.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::plan;
use crate::error::OnFile;
use crate::initramfs::InitramfsError;
use crate::spec::Spec;
use crate::tree_file::{beside, persist};
use crate::{Error, rootfs};

/// An initial RAM filesystem that was put together.
#[derive(Clone, Debug, Serialize)]
pub struct InitramfsReport {
    /// The file.
    pub file: PathBuf,
    /// Its length in bytes.
    pub length: u64,
}

/// Puts the initial RAM filesystem of a release together, as [`build`](super::build) puts it into the boot image.
///
/// # Errors
///
/// Fails as [`build`](super::build) does, and where the spec has none.
pub fn initramfs(spec: &Spec, rootfs: &Path, out: &Path) -> Result<InitramfsReport, Error> {
    let how = spec.initramfs.as_ref().ok_or(InitramfsError::None)?;
    let work = tempfile::tempdir().on("create a folder in", &std::env::temp_dir())?;
    let tree = rootfs::read(rootfs, spec.arch, work.path())?;
    let kernel = plan::read(spec, &tree, &spec.kernel)?;
    let bytes = plan::initramfs_of(spec, &tree, &kernel, how)?;
    let mut partial = beside(out)?;
    partial.write_all(&bytes).on("write", out)?;
    persist(partial, out)?;
    Ok(InitramfsReport {
        file: out.to_owned(),
        length: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
    })
}
