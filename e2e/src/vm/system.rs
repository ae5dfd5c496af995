//! A tiny system: Debian's kernel, our initial RAM filesystem, and a root filesystem whose first program is `guest`, with our
//! own programs beside it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gptprio::SetId;

use super::case::{Failure, make_anew};
use super::debian::{kernel, output, vmlinuz};
use super::machine::{Kernel, Machine};
use super::release::{Flavour, Release};
use super::repository::{self, Repository};
use super::system_disk::SystemDisk;
use super::{host_files, tiny_root};

/// The spec, but for the command line and the place of a program.
const SPEC: &str = r#"
variant = "tiny"
arch = "x86_64"
product_line = "tiny"
kernel = "boot/vmlinuz-*"
[sizes]
efi = 5
boot = 24
root = 64
hash = 2
reserved = 1
private = 1
data = 16
[initramfs]
modules = ["ext4", "qemu_fw_cfg", "virtio_net"]
"#;

/// What every release of it adds to the kernel's command line. How fast the processor counts cannot be measured where other programs get in between: guests were seen
/// whose seconds took a tenth of one.
const COMMAND_LINE: &str = "console=ttyS0 tsc=unstable";

/// What the disk of a case has in set A.
pub(super) const FIRST: &str = "1.0.0";

/// The tiny system, and a disk with its first release in set A.
#[derive(Clone, Debug)]
pub struct System {
    folder: PathBuf,
    pub(super) programs: PathBuf,
    initramfs: PathBuf,
    selector: PathBuf,
    kernel: PathBuf,
    rootfs: PathBuf,
    /// What its spec has beside [`SPEC`].
    more: String,
    signed: bool,
}

/// What a case works with: the system, and a folder of its own for disks and logs.
#[derive(Clone, Debug)]
pub struct SystemBench {
    /// The system.
    pub system: System,
    /// The folder.
    pub folder: PathBuf,
}

impl System {
    /// Builds it in `vm/system` of cargo's target folder, with the programs that are there.
    ///
    /// # Errors
    ///
    /// Fails if a program is not built, or something cannot be made.
    pub fn build(target: &Path) -> Result<Self, Failure> {
        let first = |name: &str| built(target, "x86_64-unknown-linux-gnu/initramfs", name);
        for name in ["image-builder", "migrator", "repo-tools", "signpost", "updog"] {
            built(target, "release", name)?;
        }
        let (vm, folder) = (target.join("vm"), target.join("vm/system"));
        make_anew(&folder)?;
        let system = Self {
            programs: target.join("release"),
            initramfs: first("initramfs")?,
            selector: target.join("x86_64-unknown-uefi/selector/boot-selector.efi"),
            kernel: kernel(&vm)?,
            rootfs: folder.join("rootfs"),
            folder,
            more: String::new(),
            signed: false,
        };
        let rootfs = &system.rootfs;
        tiny_root::make(rootfs, &system.kernel, &first("guest")?)?;
        let root = repository::init(&system.folder, &system.programs)?;
        host_files::add(rootfs, &system.programs, &root)?;
        system.make_disk()?;
        Ok(system)
    }

    /// The same in another folder, with more in its spec, with which the selector is signed too.
    pub(super) fn again(&self, folder: &Path, more: &str) -> Result<Self, Failure> {
        make_anew(folder)?;
        let (folder, more) = (folder.to_owned(), more.to_owned());
        let system = Self { folder, more, signed: true, ..self.clone() };
        system.make_disk()?;
        Ok(system)
    }

    /// The kernel's command line in the boot image, and what is added to it by hand.
    ///
    /// # Errors
    ///
    /// Fails if the build report does not name it.
    pub fn command_line(&self, extra: &str) -> Result<String, Failure> {
        Ok(format!("{} {extra}", self.first()?.fact("/command_line")?))
    }

    /// The root hash of the first release.
    ///
    /// # Errors
    ///
    /// Fails if the build report does not name it.
    pub fn root_hash(&self) -> Result<String, Failure> {
        self.first()?.root_hash()
    }

    /// The kernel with the initial RAM filesystem, for a machine without firmware.
    ///
    /// # Errors
    ///
    /// Fails if the kernel is not where Debian has it.
    pub fn kernel(&self, command_line: &str) -> Result<Kernel, Failure> {
        Ok(Kernel {
            image: vmlinuz(&self.kernel)?,
            initramfs: self.folder.join("initramfs.img"),
            command_line: command_line.to_owned(),
        })
    }

    /// The release that the disk has in set A.
    pub(super) fn first(&self) -> Result<Release, Failure> {
        self.release(FIRST, Flavour::Good)
    }

    /// A release, which is built when it is asked for first.
    pub(super) fn release(&self, version: &str, flavour: Flavour) -> Result<Release, Failure> {
        let parts = self.folder.join(format!("{version}-{flavour:?}"));
        let release = Release { parts };
        if release.parts.join("build-report.json").exists() {
            return Ok(release);
        }
        let spec = self.spec(flavour)?;
        let mut build = self.image_builder("build");
        build.arg("--spec").arg(spec).arg("--rootfs").arg(self.rootfs_of(flavour)?);
        output(build.args(["--version", version, "--out"]).arg(&release.parts))?;
        Ok(release)
    }

    /// The root filesystem of releases of a kind.
    fn rootfs_of(&self, flavour: Flavour) -> Result<PathBuf, Failure> {
        let files = flavour.files();
        if files.is_empty() {
            return Ok(self.rootfs.clone());
        }
        let folder = self.folder.join(format!("rootfs-{flavour:?}"));
        make_anew(&folder)?;
        tiny_root::copy(&self.rootfs, &folder)
            .map_err(|cause| Failure::io("make", &folder, &cause))?;
        for (name, text) in files {
            fs::write(folder.join(name), text)
                .map_err(|cause| Failure::io("write to", &folder, &cause))?;
        }
        Ok(folder)
    }

    fn spec(&self, flavour: Flavour) -> Result<PathBuf, Failure> {
        let path = self.folder.join(format!("image-{flavour:?}.toml"));
        let line = format!("command_line = \"{COMMAND_LINE}{}\"\n", flavour.command_line());
        let program = format!("program = \"host:{}\"\n", self.initramfs.display());
        fs::write(&path, [&line, SPEC, &program, &self.more].concat())
            .map_err(|cause| Failure::io("write", &path, &cause))?;
        Ok(path)
    }

    /// The disk, and the initial RAM filesystem by itself.
    fn make_disk(&self) -> Result<(), Failure> {
        let first = self.first()?;
        let spec = self.spec(Flavour::Good)?;
        let mut initramfs = self.image_builder("initramfs");
        initramfs.arg("--spec").arg(&spec).arg("--rootfs").arg(&self.rootfs);
        output(initramfs.arg("--out").arg(self.folder.join("initramfs.img")))?;
        let mut disk = self.image_builder("disk");
        disk.arg("--parts").arg(&first.parts).arg("--out").arg(self.folder.join("disk.img"));
        if self.selector.exists() {
            disk.arg("--efi-binary").arg(&self.selector);
        }
        if self.signed {
            disk.arg("--spec").arg(&spec);
        }
        output(&mut disk).map(drop)
    }

    /// One of our programs, to be run here.
    pub(super) fn program(&self, name: &str) -> Command {
        Command::new(self.programs.join(name))
    }

    fn image_builder(&self, command: &str) -> Command {
        let mut run = self.program("image-builder");
        run.args(["--quiet", command]);
        run
    }
}

impl SystemBench {
    /// A bench for a case, in a folder that is made anew.
    ///
    /// # Errors
    ///
    /// Fails if the folder cannot be made.
    pub fn new(system: &System, folder: &Path) -> Result<Self, Failure> {
        make_anew(folder)?;
        Ok(Self { system: system.clone(), folder: folder.to_owned() })
    }

    /// A copy of the disk.
    pub(super) fn disk(&self) -> Result<SystemDisk, Failure> {
        let path = self.folder.join("disk.img");
        fs::copy(self.system.folder.join("disk.img"), &path)
            .map_err(|cause| Failure::io("make", &path, &cause))?;
        Ok(SystemDisk::at(path))
    }

    /// A machine with this disk, without firmware, whose kernel is told this.
    pub(super) fn machine(&self, disk: &Path, command_line: &str) -> Result<Machine, Failure> {
        Ok(Machine::new(&self.folder, disk).kernel(self.system.kernel(command_line)?))
    }

    /// Puts the first release into a set.
    pub(super) fn fill(&self, disk: &SystemDisk, set: SetId) -> Result<(), Failure> {
        disk.fill(set, &self.system.first()?)
    }

    /// An empty repository that the system trusts.
    pub(super) fn repository(&self) -> Result<Repository, Failure> {
        let System { folder, programs, .. } = &self.system;
        Repository::new(folder, programs, &self.folder.join("repo"))
    }

    /// The selector, if it was built.
    pub(super) fn needs_selector(&self) -> Result<(), Failure> {
        let path = &self.system.selector;
        if path.exists() {
            return Ok(());
        }
        Err(Failure::new(&format!("there is no {}: build it first", path.display())))
    }
}

fn built(target: &Path, folder: &str, name: &str) -> Result<PathBuf, Failure> {
    let path = target.join(folder).join(name);
    let missing =
        || Failure::new(&format!("{} is not built: `cargo xtask vm` builds it", path.display()));
    if path.exists() { Ok(path) } else { Err(missing()) }
}
