//! A tiny system: Debian's kernel, our initial RAM filesystem, and a root filesystem whose first program is `guest`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gptprio::SetId;
use serde_json::Value;

use super::case::{Failure, make_anew};
use super::debian::{kernel, output, vmlinuz};
use super::machine::{Kernel, Machine};
use super::system_disk::SystemDisk;
use super::tiny_root;

/// The spec, but for the place of a program.
const SPEC: &str = r#"
variant = "tiny"
arch = "x86_64"
product_line = "tiny"
kernel = "boot/vmlinuz-*"
command_line = "console=ttyS0"
[sizes]
efi = 5
boot = 24
root = 64
hash = 2
reserved = 1
private = 1
data = 8
"#;

/// A release of the tiny system, and a disk with it in set A.
#[derive(Clone, Debug)]
pub struct System {
    folder: PathBuf,
    image_builder: PathBuf,
    selector: PathBuf,
    kernel: PathBuf,
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
        let (vm, folder) = (target.join("vm"), target.join("vm/system"));
        make_anew(&folder)?;
        let system = Self {
            image_builder: built(target, "debug", "image-builder")?,
            selector: target.join("x86_64-unknown-uefi/selector/boot-selector.efi"),
            kernel: kernel(&vm)?,
            folder,
        };
        tiny_root::make(&system.folder.join("rootfs"), &system.kernel, &first("guest")?)?;
        system.make_release(&first("initramfs")?)?;
        Ok(system)
    }

    /// The kernel's command line in the boot image, and what is added to it by hand.
    ///
    /// # Errors
    ///
    /// Fails if the build report does not name it.
    pub fn command_line(&self, extra: &str) -> Result<String, Failure> {
        Ok(format!("{} {extra}", self.fact("/command_line")?))
    }

    /// The root hash.
    ///
    /// # Errors
    ///
    /// Fails if the build report does not name it.
    pub fn root_hash(&self) -> Result<String, Failure> {
        self.fact("/verity/root_hash")
    }

    /// A text of the build report.
    fn fact(&self, pointer: &str) -> Result<String, Failure> {
        let path = self.folder.join("parts/build-report.json");
        let text = fs::read(&path).map_err(|cause| Failure::io("read", &path, &cause))?;
        let report: Value = serde_json::from_slice(&text).unwrap_or_default();
        let fact = report.pointer(pointer).and_then(Value::as_str);
        fact.map(str::to_owned).ok_or_else(|| Failure::new(&format!("no {pointer} in the report")))
    }

    /// An image of the release.
    fn image(&self, name: &str) -> Result<Vec<u8>, Failure> {
        let path = self.folder.join("parts").join(name);
        fs::read(&path).map_err(|cause| Failure::io("read", &path, &cause))
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

    /// Its release, images and disk.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The same release in another folder, with more in its spec, with which the selector is signed too.
    pub(super) fn again(&self, folder: &Path, more: &str) -> Result<Self, Failure> {
        make_anew(folder)?;
        let spec = self.folder.join("image.toml");
        let text = fs::read_to_string(&spec).map_err(|cause| Failure::io("read", &spec, &cause))?;
        let system = Self { folder: folder.to_owned(), ..self.clone() };
        let rootfs = self.folder.join("rootfs").display().to_string();
        system.build_release(&rootfs, &format!("{text}{more}"), true)?;
        Ok(system)
    }

    fn make_release(&self, initramfs: &Path) -> Result<(), Failure> {
        let rootfs = self.folder.join("rootfs").display().to_string();
        let program = format!("[initramfs]\nprogram = \"host:{}\"\n", initramfs.display());
        self.build_release(&rootfs, &format!("{SPEC}{program}"), false)
    }

    fn build_release(&self, rootfs: &str, text: &str, signed: bool) -> Result<(), Failure> {
        let place = |name: &str| self.folder.join(name).display().to_string();
        let [spec, parts] = ["image.toml", "parts"].map(place);
        fs::write(&spec, text).map_err(|cause| Failure::io("write", Path::new(&spec), &cause))?;
        let from = ["--spec", &spec, "--rootfs", rootfs, "--out"];
        let build = |command: &str, rest: &[&str]| {
            output(Command::new(&self.image_builder).args(["--quiet", command]).args(rest))
        };
        build("build", &[&from[..], &[&parts, "--version", "1.0.0"]].concat())?;
        build("initramfs", &[&from[..], &[&place("initramfs.img")]].concat())?;
        let mut disk = vec!["--parts".to_owned(), parts, "--out".to_owned(), place("disk.img")];
        if self.selector.exists() {
            disk.extend(["--efi-binary".to_owned(), self.selector.display().to_string()]);
        }
        if signed {
            disk.extend(["--spec".to_owned(), spec.clone()]);
        }
        build("disk", &disk.iter().map(String::as_str).collect::<Vec<_>>())?;
        Ok(())
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

    /// Puts the release into a set.
    pub(super) fn fill(&self, disk: &SystemDisk, set: SetId) -> Result<(), Failure> {
        let parts = disk.parts(set)?;
        for (name, part) in
            [("boot.img", parts.boot), ("root.img", parts.root), ("hash.img", parts.hash)]
        {
            disk.write(part.start, &self.system.image(name)?)?;
        }
        Ok(())
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
    let how =
        "`cargo build -p image-builder` and `cargo first-program -p initramfs -p guest` do it";
    let missing = || Failure::new(&format!("{} is not built: {how}", path.display()));
    if path.exists() { Ok(path) } else { Err(missing()) }
}
