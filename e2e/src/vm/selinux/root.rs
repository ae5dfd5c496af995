//! The root filesystem with the policy, and a disk with it.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::case::{Failure, make_anew};
use super::super::debian::{kernel, output};

/// What is installed beside the essential packages.
const PACKAGES: &str = "systemd-sysv,dbus,udev,kmod,selinux-policy-default,policycoreutils";

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
    let base = base(&target.join("vm"))?;
    fs::copy(&base, &rootfs).map_err(|cause| Failure::io("make", &rootfs, &cause))?;
    append_programs(target, folder, &rootfs)?;
    append_kernel(&kernel(&target.join("vm"))?, &rootfs)?;
    let disk = release(target, folder, &rootfs, labels)?;
    fs::remove_file(&rootfs).map_err(|cause| Failure::io("remove", &rootfs, &cause))?;
    Ok(disk)
}

/// Packages and policy; kept in `cache` until something of it is to be another.
fn base(cache: &Path) -> Result<PathBuf, Failure> {
    let (whole, key) = (cache.join("selinux-root.tar"), cache.join("selinux-root.key"));
    let codename = codename()?;
    let texts = MODULES.iter().map(|(_, text)| *text);
    let parts: Vec<&str> =
        [codename.as_str(), PACKAGES].into_iter().chain(HOOKS).chain(texts).collect();
    let wanted = parts.concat();
    if whole.exists() && fs::read_to_string(&key).is_ok_and(|found| found == wanted) {
        return Ok(whole);
    }
    let partial = cache.join("selinux-root.partial.tar");
    mmdebstrap(cache, &codename, &partial)?;
    let keep = || fs::rename(&partial, &whole).and_then(|()| fs::write(&key, &wanted));
    keep().map_err(|cause| Failure::io("keep", &whole, &cause))?;
    Ok(whole)
}

fn mmdebstrap(cache: &Path, codename: &str, tar: &Path) -> Result<(), Failure> {
    let modules = cache.join("selinux-modules");
    make_anew(&modules)?;
    for (name, text) in MODULES {
        write(&modules.join(name), text, 0o644)?;
    }
    let mut command = Command::new("mmdebstrap");
    command.args(["--variant=minbase", "--format=tar", "--skip=download/empty,essential/unlink"]);
    command.arg(format!("--include={PACKAGES}"));
    command.args(["man", "doc"].map(|kind| format!("--dpkgopt=path-exclude=/usr/share/{kind}/*")));
    command
        .args(["--dpkgopt=force-unsafe-io", "--setup-hook=mkdir -p \"$1/var/cache/apt/archives\""]);
    let packages = cache.join("../debs");
    if packages.exists() {
        let packages = packages.display();
        command.arg(format!("--setup-hook=sync-in '{packages}' /var/cache/apt/archives"));
    }
    for (name, _) in MODULES {
        command.arg(format!("--customize-hook=copy-in '{}' /tmp", modules.join(name).display()));
    }
    command.args(HOOKS.map(|hook| format!("--customize-hook={hook}"))).args([codename]).arg(tar);
    // The machine's own sources of packages, if they are known.
    let sources = cache.join("debian.sources");
    command.args(sources.exists().then_some(sources));
    output(&mut command).map(drop)
}

/// The code name of this machine's Debian, whose kernel and libraries the system has.
fn codename() -> Result<String, Failure> {
    let path = Path::new("/etc/os-release");
    let text = fs::read_to_string(path).map_err(|cause| Failure::io("read", path, &cause))?;
    let name = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    name.map(str::to_owned)
        .ok_or_else(|| Failure::new("/etc/os-release names no release of Debian"))
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

/// Puts files of a folder to the end of an archive, as those of root.
fn append(tar: &Path, folder: &Path, rest: &[&str]) -> Result<(), Failure> {
    let mut command = Command::new("tar");
    command.args(["--append", "--numeric-owner", "--owner=0", "--group=0", "--file"]).arg(tar);
    output(command.arg("--directory").arg(folder).args(rest)).map(drop)
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

/// Writes a file, and the folders that it lies in.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    let write = || -> io::Result<()> {
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
        fs::write(path, text)?;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
    };
    write().map_err(|cause| Failure::io("write", path, &cause))
}
