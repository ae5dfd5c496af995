//! The root filesystem with the policy, and a disk with it.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::case::{Failure, make_anew};
use super::super::debian::{kernel, output};
use super::super::debian_root::{Base, append, write};

/// Packages and policy.
const BASE: Base<'_> = Base {
    name: "selinux-root",
    packages: "systemd-sysv,dbus,udev,kmod,selinux-policy-default,policycoreutils",
    files: &MODULES,
    deb: None,
    hooks: &HOOKS,
};

/// Modules of the policy beside Debian's.
const MODULES: [(&str, &str); 2] = [
    ("signpost.cil", include_str!("../../../../fixtures/selinux/signpost.cil")),
    ("debian-12.cil", include_str!("../../../../fixtures/selinux/debian-12.cil")),
];

/// What is done to the root filesystem once the packages are there.
const HOOKS: [&str; 3] = [
    r#"chroot "$1" sh -c 'cd /tmp && semodule -n -s default -i signpost.cil -i debian-12.cil && rm -- *.cil'"#,
    r#"sed -i 's/^SELINUX=.*/SELINUX=enforcing/' "$1/etc/selinux/config""#,
    r#"rm -rf "$1"/var/cache/apt/archives/*.deb "$1"/var/lib/apt/lists/*"#,
];

/// What can be written is in memory; everything below gets its label from whoever makes it.
const FSTAB: &str = "tmpfs /var tmpfs mode=755,nosuid,nodev,rootcontext=system_u:object_r:var_t:s0 0 0\n\
                     tmpfs /tmp tmpfs mode=1777,nosuid,nodev,rootcontext=system_u:object_r:tmp_t:s0 0 0\n";

/// The spec, but for the place of a program. The kernel prints every audit record, however many come at once, and keeps
/// those that come before journald. The serial line is the guest's alone.
const SPEC: &str = r#"
variant = "selinux"
arch = "x86_64"
product_line = "selinux"
kernel = "boot/vmlinuz-*"
command_line = "console=ttyS0 security=selinux selinux=1 enforcing=1 audit=1 audit_backlog_limit=8192 sysctl.kernel.printk_ratelimit=0 no_timer_check systemd.mask=serial-getty@ttyS0.service"
[sizes]
boot = 24
root = 480
hash = 6
reserved = 1
private = 1
data = 8
"#;

/// What has the image labelled.
pub(super) const LABELS: &str =
    "[selinux]\nfile_contexts = \"etc/selinux/default/contexts/files/file_contexts\"\n";

/// Makes a disk in `folder`, whose set A has the system; `labels` goes into the spec.
pub(super) fn disk(target: &Path, folder: &Path, labels: &str) -> Result<PathBuf, Failure> {
    let rootfs = folder.join("root.tar");
    let base = BASE.archive(&target.join("vm"))?;
    fs::copy(&base, &rootfs).map_err(|cause| Failure::io("make", &rootfs, &cause))?;
    append_programs(target, folder, &rootfs)?;
    append_kernel(&kernel(&target.join("vm"))?, &rootfs)?;
    let disk = release(target, folder, &rootfs, labels)?;
    fs::remove_file(&rootfs).map_err(|cause| Failure::io("remove", &rootfs, &cause))?;
    Ok(disk)
}

/// Our program, its units, and what tells the verdict.
fn append_programs(target: &Path, folder: &Path, tar: &Path) -> Result<(), Failure> {
    let overlay = folder.join("overlay");
    make_anew(&overlay)?;
    let (units, programs) = (overlay.join("etc/systemd/system"), overlay.join("usr/bin"));
    let started = units.join("multi-user.target.wants");
    for (name, text) in [
        ("announce.service", include_str!("announce.service")),
        ("signpost-status.service", include_str!("signpost-status.service")),
        ("signpost-shadow.service", include_str!("signpost-shadow.service")),
    ] {
        write(&units.join(name), text, 0o644)?;
    }
    write(&overlay.join("usr/libexec/announce"), include_str!("announce.sh"), 0o755)?;
    write(&overlay.join("etc/fstab"), FSTAB, 0o644)?;
    write(&overlay.join("etc/machine-id"), "", 0o444)?;
    let signpost = target.join("release/signpost");
    let fill = || -> io::Result<()> {
        fs::create_dir_all(&programs)?;
        fs::create_dir_all(&started)?;
        symlink("../announce.service", started.join("announce.service"))?;
        symlink("../signpost-status.service", started.join("signpost-status.service"))?;
        fs::copy(&signpost, programs.join("signpost")).map(drop)
    };
    fill().map_err(|cause| Failure::io("copy", &signpost, &cause))?;
    append(tar, &overlay, &["."])
}

fn append_kernel(kernel: &Path, tar: &Path) -> Result<(), Failure> {
    append(tar, kernel, &["--transform=s,^lib/,usr/lib/,", "boot", "lib/modules"])
}

/// Images and disk.
fn release(target: &Path, folder: &Path, rootfs: &Path, labels: &str) -> Result<PathBuf, Failure> {
    let place = |name: &str| folder.join(name).display().to_string();
    let [spec, parts, disk] = ["image.toml", "parts", "disk.img"].map(place);
    let first = target.join("x86_64-unknown-linux-gnu/initramfs/initramfs");
    // Nobody looks at its health, and it may take its time.
    let program =
        format!("[initramfs]\nwatchdog_seconds = 0\nprogram = \"host:{}\"\n", first.display());
    write(Path::new(&spec), &format!("{SPEC}{program}{labels}"), 0o644)?;
    let builder = |arguments: &[&str]| {
        let mut command = Command::new(target.join("release/image-builder"));
        output(command.arg("--quiet").args(arguments))
    };
    let rootfs = rootfs.display().to_string();
    let from = ["build", "--spec", &spec, "--rootfs", &rootfs];
    builder(&[&from[..], &["--version", "1.0.0", "--out", &parts]].concat())?;
    let selector = target.join("x86_64-unknown-uefi/selector/boot-selector.efi");
    let selector = selector.display().to_string();
    builder(&["disk", "--parts", &parts, "--out", &disk, "--efi-binary", &selector])?;
    // The disk has it all.
    fs::remove_dir_all(&parts).map_err(|cause| Failure::io("remove", parts.as_ref(), &cause))?;
    Ok(disk.into())
}
