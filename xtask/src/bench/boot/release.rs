//! What is started: a boot image as long as a real one, and disks with it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::Result;
use crate::command::Run;
use crate::error::Error;
use crate::{place, selector};

/// Stands for a kernel, with random bytes behind it: a kernel is an EFI program that is compressed.
const KERNEL: &str = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub";

/// As long as Debian's kernel for virtual machines and our initial RAM filesystem, in bytes.
const KERNEL_BYTES: usize = 14 << 20;

/// A release whose boot image starts with the program that measures.
pub(super) struct Release {
    folder: PathBuf,
    /// The boot image.
    pub(super) image: PathBuf,
    /// An initial RAM filesystem without modules.
    pub(super) initramfs: PathBuf,
}

/// Makes the release in a new folder.
pub(super) fn make(folder: &Path) -> Result<Release> {
    let rootfs = folder.join("rootfs");
    for name in ["boot", "etc", "usr/lib"] {
        place::make_folder(&rootfs.join(name))?;
    }
    place::write(&rootfs.join("etc/os-release"), "ID=bench\nPRETTY_NAME=Bench\nVERSION_ID=1\n")?;
    write(&rootfs.join("boot/kernel"), &kernel()?)?;
    let spec = folder.join("image.toml");
    place::write(&spec, &spec_text())?;
    let release = Release {
        folder: folder.to_owned(),
        image: folder.join("parts/boot.img"),
        initramfs: folder.join("initramfs.img"),
    };
    let build = |command: &str| {
        let run = Run::ours("image-builder").args(["--quiet", command]);
        run.arg("--spec").arg(&spec).arg("--rootfs").arg(&rootfs).arg("--out")
    };
    build("build").arg(folder.join("parts")).args(["--version", "1.0.0"]).run()?;
    build("initramfs").arg(&release.initramfs).run()?;
    Ok(release)
}

fn spec_text() -> String {
    let stopwatch = selector::folder().join("examples/stopwatch.efi");
    let program = place::target().join("x86_64-unknown-linux-gnu/initramfs/initramfs");
    format!(
        "variant = \"bench\"\narch = \"x86_64\"\nproduct_line = \"bench\"\nkernel = \"boot/kernel\"\n\
         stub = \"host:{}\"\n[initramfs]\nprogram = \"host:{}\"\nusual_modules = false\n\
         [sizes]\nefi = 48\nboot = 32\nroot = 32\nhash = 1\nreserved = 1\nprivate = 1\ndata = 1\n",
        stopwatch.display(),
        program.display()
    )
}

/// The bytes are the same each time, and no loader can make them shorter.
fn kernel() -> Result<Vec<u8>> {
    let path = Path::new(KERNEL);
    let mut bytes = fs::read(path).map_err(Error::file("read", path))?;
    let mut state = 1_u64;
    while bytes.len() < KERNEL_BYTES {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        bytes.extend_from_slice(&state.to_be_bytes()[..4]);
    }
    Ok(bytes)
}

impl Release {
    /// A disk from which firmware starts the program that measures, and that the loader.
    pub(super) fn disk(&self, name: &str, loader: &Path) -> Result<PathBuf> {
        let disk = self.folder.join(name);
        let stopwatch = selector::folder().join("examples/stopwatch.efi");
        let run = Run::ours("image-builder").args(["--quiet", "--json", "disk", "--leave-empty"]);
        let run = run.arg("--parts").arg(self.folder.join("parts")).arg("--out").arg(&disk);
        let report = run.arg("--efi-binary").arg(stopwatch).run()?.stdout;
        let partition = format!("{}@@{}", disk.display(), efi_start(&report)?);
        let settings = self.folder.join("loader.conf");
        place::write(&settings, "timeout 0\n")?;
        let folders = ["::EFI/STOPWATCH", "::EFI/Linux", "::loader"];
        Run::new("mmd").args(["-i", &partition]).args(folders).run()?;
        let put = |from: &Path, to: &str| {
            Run::new("mcopy").args(["-i", &partition]).arg(from).arg(to).run().map(drop)
        };
        put(loader, "::EFI/STOPWATCH/LOADER.EFI")?;
        put(&self.image, "::EFI/Linux/bench.efi")?;
        put(&settings, "::loader/loader.conf")?;
        Ok(disk)
    }

    /// Gives the running set all its tries, as each good boot does, so that the start which is measured spends one.
    pub(super) fn arm(&self, disk: &Path) -> Result<()> {
        let run = Run::ours("signpost").arg("--disk").arg(disk).args(["--active", "A"]);
        run.arg("mark-successful-boot").run().map(drop)
    }
}

/// Where the EFI system partition begins.
fn efi_start(report: &str) -> Result<u64> {
    let report: Value = serde_json::from_str(report).unwrap_or_default();
    let parts = report["partitions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let efi = parts.iter().find(|part| part["role"] == "efi" && part["set"] == "A");
    let start = efi.and_then(|part| part["start"].as_u64());
    start.ok_or_else(|| Error::Untrue("the disk has no EFI system partition".to_owned()))
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).map_err(Error::file("write", path))
}
