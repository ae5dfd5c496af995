//! Releases of a Debian that keeps itself up to date: Debian's packages, ours as `cargo xtask package` makes it, and the files of a host from
//! `fixtures/host`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::case::{Failure, Places, make_anew};
use super::super::debian::{kernel, output, vmlinuz};
use super::super::debian_root::{Base, append, write};
use super::super::host_files::AUTHORITIES;
use super::super::release::Release;
use super::super::tiny_root::copy_modules;
use super::Kind;

/// What only people read, and what a release has no use for, is not in it.
const HOOKS: [&str; 2] = [
    r#"rm -rf "$1"/var/cache/apt/archives/*.deb "$1"/var/lib/apt/lists/*"#,
    r#"rm -rf "$1"/usr/share/locale "$1"/usr/share/perl "$1"/usr/lib/x86_64-linux-gnu/perl "$1"/usr/lib/udev/hwdb.*"#,
];

/// The spec, but for the place of a program.
const SPEC: &str = r#"
variant = "agent"
arch = "x86_64"
product_line = "agent"
kernel = "boot/vmlinuz-*"
command_line = "console=ttyS0 no_timer_check"
[sizes]
efi = 5
boot = 24
root = 216
hash = 2
reserved = 1
private = 8
data = 64
[initramfs]
modules = ["ext4", "qemu_fw_cfg", "virtio_net"]
"#;

/// Makes releases, and a disk with one.
#[derive(Debug)]
pub(super) struct Workshop<'a> {
    places: &'a Places,
    rootfs: PathBuf,
}

impl<'a> Workshop<'a> {
    /// Gathers what every release of such a host has; `root` is the trusted root of its repository.
    ///
    /// # Errors
    ///
    /// Fails if a program is not built, or something cannot be made.
    pub(super) fn new(places: &'a Places, kind: Kind, root: &Path) -> Result<Self, Failure> {
        let (vm, rootfs) = (places.target.join("vm"), places.folder.join("root.tar"));
        copy(&base(&vm.join("waystone.deb")).archive(&vm)?, &rootfs)?;
        let host = project().join("fixtures/host");
        // Without the links that enable our units: that is the package's business.
        append_files(&rootfs, &host.join("root"), "etc")?;
        for name in ["root"].into_iter().chain(kind.files()) {
            append_files(&rootfs, &host.join("agent").join(name), ".")?;
        }
        let overlay = places.folder.join("overlay");
        make_anew(&overlay)?;
        add_trust(&overlay, root)?;
        add_kernel(&overlay, &kernel(&vm)?)?;
        append_files(&rootfs, &overlay, ".")?;
        Ok(Self { places, rootfs })
    }

    /// A release, with more files from a folder of `fixtures/host/agent` if one is named.
    ///
    /// # Errors
    ///
    /// Fails if image-builder does.
    pub(super) fn release(&self, version: &str, more: Option<&str>) -> Result<Release, Failure> {
        let parts = self.places.folder.join(version);
        let rootfs = match more {
            None => self.rootfs.clone(),
            Some(name) => self.variant(name)?,
        };
        let mut build = self.image_builder();
        build.arg("build").arg("--spec").arg(self.spec()?).arg("--rootfs").arg(&rootfs);
        output(build.args(["--version", version, "--out"]).arg(&parts))?;
        Ok(Release { parts })
    }

    /// A disk with a release in set A.
    ///
    /// # Errors
    ///
    /// Fails if image-builder does.
    pub(super) fn disk(&self, release: &Release) -> Result<PathBuf, Failure> {
        let disk = self.places.folder.join("disk.img");
        let selector = "x86_64-unknown-uefi/selector/boot-selector.efi";
        let mut make = self.image_builder();
        make.arg("disk").arg("--parts").arg(&release.parts).arg("--out").arg(&disk);
        output(make.arg("--efi-binary").arg(self.places.target.join(selector)))?;
        Ok(disk)
    }

    /// The root filesystem with the files of another folder.
    fn variant(&self, name: &str) -> Result<PathBuf, Failure> {
        let rootfs = self.places.folder.join(format!("root-{name}.tar"));
        copy(&self.rootfs, &rootfs)?;
        append_files(&rootfs, &project().join("fixtures/host/agent").join(name), ".")?;
        Ok(rootfs)
    }

    fn spec(&self) -> Result<PathBuf, Failure> {
        let path = self.places.folder.join("image.toml");
        let first = self.places.target.join("x86_64-unknown-linux-gnu/initramfs/initramfs");
        write(&path, &format!("{SPEC}program = \"host:{}\"\n", first.display()), 0o644)?;
        Ok(path)
    }

    fn image_builder(&self) -> Command {
        let mut command = Command::new(self.places.target.join("release/image-builder"));
        command.arg("--quiet");
        command
    }
}

/// A Debian with systemd, time zones and our package.
fn base(deb: &Path) -> Base<'_> {
    let packages = "systemd-sysv,dbus,udev,kmod,tzdata";
    Base { name: "agent-root", packages, files: &[], deb: Some(deb), hooks: &HOOKS }
}

/// Whom a host trusts: the root of its repository, and the authorities of this machine.
fn add_trust(overlay: &Path, root: &Path) -> Result<(), Failure> {
    let add = |from: &Path, to: &str| {
        let to = overlay.join(to.trim_start_matches('/'));
        let folder = to.parent().unwrap_or(overlay);
        fs::create_dir_all(folder).map_err(|cause| Failure::io("make", folder, &cause))?;
        copy(from, &to)
    };
    add(root, "/usr/share/updog/root.json")?;
    add(Path::new(AUTHORITIES), AUTHORITIES)
}

/// The kernel, and the few modules that it needs here.
fn add_kernel(overlay: &Path, kernel: &Path) -> Result<(), Failure> {
    let vmlinuz = vmlinuz(kernel)?;
    let boot = overlay.join("boot");
    let add = || -> io::Result<()> {
        fs::create_dir_all(&boot)?;
        fs::copy(&vmlinuz, boot.join(vmlinuz.file_name().unwrap_or_default()))?;
        copy_modules(&kernel.join("lib/modules"), &overlay.join("usr/lib/modules"))
    };
    add().map_err(|cause| Failure::io("copy", kernel, &cause))
}

/// Puts what is in a folder to the end of an archive, readable for everybody.
fn append_files(tar: &Path, folder: &Path, what: &str) -> Result<(), Failure> {
    append(tar, folder, &["--mode=u=rwX,go=rX", what])
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::copy(from, to).map_err(|cause| Failure::io("copy", from, &cause)).map(drop)
}

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
