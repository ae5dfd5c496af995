//! Debian's kernel for virtual machines, unpacked into a folder and not installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::case::{Failure, make_anew};

/// The package that names the present kernel.
const PACKAGE: &str = "linux-image-cloud-amd64";

/// A folder with `boot` and `lib/modules` to be used instead.
const FOLDER: &str = "WAYSTONE_KERNEL";

/// The kernel and its modules: a folder with `boot/vmlinuz-*` and `lib/modules`.
///
/// It is fetched once and kept in `cache`.
///
/// # Errors
///
/// Fails if it cannot be fetched or unpacked.
pub(super) fn kernel(cache: &Path) -> Result<PathBuf, Failure> {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return Ok(folder.into());
    }
    let whole = cache.join("kernel");
    if !whole.exists() {
        let partial = cache.join("kernel.partial");
        make_anew(&partial)?;
        fetch(&partial)?;
        fs::rename(&partial, &whole).map_err(|cause| Failure::io("rename to", &whole, &cause))?;
    }
    Ok(whole)
}

fn fetch(folder: &Path) -> Result<(), Failure> {
    let name = present_package()?;
    output(Command::new("apt-get").args(["download", &name]).current_dir(folder))?;
    let package = the_only(folder)?;
    output(Command::new("dpkg-deb").arg("--extract").args([&package, folder]))?;
    let release = name.trim_start_matches("linux-image-");
    output(Command::new("/sbin/depmod").arg("--basedir").arg(folder).arg(release))?;
    Ok(())
}

/// The package that the name of all versions depends on.
fn present_package() -> Result<String, Failure> {
    let text = output(Command::new("apt-cache").args(["depends", "--important", PACKAGE]))?;
    let names = text.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    let found = names.filter(|name| name.starts_with("linux-image-")).map(str::to_owned).next();
    found.ok_or_else(|| Failure::new(&format!("{PACKAGE} depends on no kernel: {text}")))
}

fn the_only(folder: &Path) -> Result<PathBuf, Failure> {
    let entries = fs::read_dir(folder).map_err(|cause| Failure::io("read", folder, &cause))?;
    let mut paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    paths.next().ok_or_else(|| Failure::new("apt-get downloaded nothing"))
}

/// The kernel itself.
///
/// # Errors
///
/// Fails if there is none.
pub(super) fn vmlinuz(kernel: &Path) -> Result<PathBuf, Failure> {
    let folder = kernel.join("boot");
    let entries = fs::read_dir(&folder).map_err(|cause| Failure::io("read", &folder, &cause))?;
    let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let is_kernel = |path: &PathBuf| {
        path.file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with("vmlinuz-"))
    };
    paths.into_iter().find(is_kernel).ok_or_else(|| Failure::new("the package has no vmlinuz"))
}

/// What a program printed, if it did what it was asked to.
pub(super) fn output(command: &mut Command) -> Result<String, Failure> {
    let shown = format!("{command:?}");
    let output = command.output();
    let output = output.map_err(|cause| Failure::new(&format!("cannot run {shown}: {cause}")))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(Failure::new(&format!("{shown} failed: {}", text(&output.stderr))))
    }
}
