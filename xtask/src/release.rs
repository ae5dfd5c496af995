//! A release as image-builder made it.

use std::path::{Path, PathBuf};

use cli::ByteCount;
use serde_json::Value;

use crate::Result;
use crate::command::Run;
use crate::error::Error;
use crate::partition::Partitions;
use crate::place;
use crate::rootfs::VARIANT;

/// The three images of a release.
pub(crate) const PARTS: [&str; 3] = ["boot", "root", "hash"];

/// A folder of images and the report of how they were built.
#[derive(Debug)]
pub(crate) struct Release {
    /// The folder.
    pub(crate) parts: PathBuf,
    version: String,
    report: Value,
}

impl Release {
    /// Runs `image-builder build`.
    ///
    /// # Errors
    ///
    /// Fails when it does, or when its report is not there.
    pub(crate) fn build(
        spec: &Path,
        rootfs: &Path,
        version: &str,
        parts: &Path,
        record: &Path,
    ) -> Result<Self> {
        let run = Run::ours("image-builder").arg("build").arg("--spec").arg(spec);
        let run = run.arg("--rootfs").arg(rootfs).args(["--version", version]);
        run.arg("--out").arg(parts).record(record).run()?;
        Self::read(version, parts)
    }

    /// Reads the report of an earlier build.
    ///
    /// # Errors
    ///
    /// Fails when there is none, or it is of another version.
    pub(crate) fn read(version: &str, parts: &Path) -> Result<Self> {
        let path = parts.join("build-report.json");
        let report: Value = serde_json::from_str(&place::read(&path)?)
            .map_err(|error| Error::Untrue(format!("{} is not JSON: {error}", path.display())))?;
        if report["version"] != version {
            return Err(Error::Untrue(format!("{} is not of {version}", path.display())));
        }
        Ok(Self { parts: parts.to_owned(), version: version.to_owned(), report })
    }

    /// The version.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// The raw image of a part.
    pub(crate) fn image(&self, part: &str) -> PathBuf {
        self.parts.join(format!("{part}.img"))
    }

    /// SHA-256 of the raw image of a part, in hexadecimal.
    pub(crate) fn digest(&self, part: &str) -> &str {
        self.report["images"][part]["raw"]["sha256"].as_str().unwrap_or_default()
    }

    /// Bytes of the raw images.
    pub(crate) fn raw_bytes(&self) -> ByteCount {
        self.bytes("raw")
    }

    /// Bytes of the images as they travel whole.
    pub(crate) fn transport_bytes(&self) -> ByteCount {
        self.bytes("transport")
    }

    fn bytes(&self, kind: &str) -> ByteCount {
        ByteCount(PARTS.iter().map(|part| self.number(part, kind, "length")).sum())
    }

    /// Sizes of the images, how full the root partition is, and how much travels.
    pub(crate) fn said(&self) -> String {
        let [boot, root, hash] = PARTS.map(|part| ByteCount(self.number(part, "raw", "length")));
        let fill = self.report["images"]["root"]["fill_permille"].as_u64().unwrap_or_default();
        let travels = self.transport_bytes();
        format!(
            "root {root} ({}.{} % full), boot {boot}, hash {hash}; {travels} to fetch",
            fill / 10,
            fill % 10
        )
    }

    /// Whether all three parts of a set of the disk hold this release, by their digests.
    ///
    /// # Errors
    ///
    /// Fails when one does not, naming it.
    pub(crate) fn is_in(&self, disk: &Path, set: char) -> Result<()> {
        let partitions = Partitions::of(disk)?;
        for part in PARTS {
            let length = self.number(part, "raw", "length");
            let wanted = self.digest(part);
            let found = partitions.digest(disk, set, part, length)?;
            if found != wanted {
                let version = &self.version;
                return Err(Error::Untrue(format!(
                    "{part} of set {set} should be that of {version}, {wanted}, and is {found}"
                )));
            }
        }
        Ok(())
    }

    fn number(&self, part: &str, kind: &str, field: &str) -> u64 {
        self.report["images"][part][kind][field].as_u64().unwrap_or_default()
    }
}

/// The initial RAM filesystem that Debian's packages made, as lines of a spec.
pub(crate) const DEBIAN_INITRAMFS: &str = "initramfs = \"boot/initrd.img-*\"\n";

/// Writes the spec of the demo's images; `start` says what the kernel starts, as lines of the spec.
///
/// # Errors
///
/// Fails when the file cannot be written.
pub(crate) fn write_spec(path: &Path, start: &str) -> Result<()> {
    let arch = std::env::consts::ARCH;
    place::write(
        path,
        &format!(
            "variant = \"{VARIANT}\"\narch = \"{arch}\"\nproduct_line = \"{VARIANT}-{arch}\"\n\
             kernel = \"boot/vmlinuz-*\"\n{start}"
        ),
    )
}
