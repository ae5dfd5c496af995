//! What makes the tiny root a host: our programs with the libraries that they are linked with, and their configuration.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::case::Failure;
use super::debian::output;
use super::machine::SERVER;

/// The programs that a host runs.
const PROGRAMS: [&str; 3] = ["migrator", "signpost", "updog"];

/// Whom updog trusts for HTTPS: it does not start without anybody. From Debian's package `ca-certificates`.
pub(super) const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The tries that an update is given; what is restarted into is one start of them.
pub(super) const TRIES: u8 = 3;

/// How long its health may take; ten times what it does on a quiet machine. A check that hangs is waited for so long in each boot.
const HEALTH_SECONDS: u8 = 40;

/// Puts all of it into a root filesystem. `root` is the trusted root of the repository.
///
/// # Errors
///
/// Fails if a program is not built, or something cannot be written.
pub(super) fn add(folder: &Path, programs: &Path, root: &Path) -> Result<(), Failure> {
    for name in PROGRAMS {
        let (program, to) = (programs.join(name), folder.join("usr/bin").join(name));
        output(Command::new("strip").arg("-o").args([&to, &program]))?;
        libraries(&program)?.iter().try_for_each(|library| add_library(folder, library))?;
    }
    let fill = || -> io::Result<()> {
        fs::create_dir_all(folder.join("usr/share/updog"))?;
        fs::create_dir_all(folder.join("etc/ssl/certs"))?;
        fs::copy(AUTHORITIES, folder.join(AUTHORITIES.trim_start_matches('/')))?;
        fs::copy(root, folder.join("usr/share/updog/root.json"))?;
        fs::write(folder.join("etc/updog.toml"), settings())?;
        fs::create_dir_all(folder.join("usr/lib/guest"))?;
        fs::write(folder.join("usr/lib/guest/check"), "pass\n")?;
        symlink("/sbin/init", folder.join("usr/lib/updog/health.d/guest"))
    };
    fill().map_err(|cause| Failure::io("make", folder, &cause))
}

/// The configuration of `updog`.
pub(super) fn settings() -> String {
    format!(
        "metadata_base_url = \"http://{SERVER}/metadata/\"\ntargets_base_url = \"http://{SERVER}/targets/\"\n\
         seed = 7\ntries = {TRIES}\nidle_timeout_seconds = 120\n\
         restart_command = [\"/sbin/init\", \"restart\"]\n\
         [health]\ntries = {TRIES}\ntime_limit_seconds = {HEALTH_SECONDS}\n"
    )
}

/// The libraries of a program, and what loads them.
fn libraries(program: &Path) -> Result<Vec<PathBuf>, Failure> {
    let text = output(Command::new("ldd").arg(program))?;
    // `libc.so.6 => /lib/…/libc.so.6 (0x…)`, and the loader without an arrow.
    let path =
        |line: &str| line.split_whitespace().find(|word| word.starts_with('/')).map(PathBuf::from);
    Ok(text.lines().filter_map(path).collect())
}

fn add_library(folder: &Path, library: &Path) -> Result<(), Failure> {
    let to = folder.join(library.strip_prefix("/").unwrap_or(library));
    let fault = |cause| Failure::io("make", &to, &cause);
    fs::create_dir_all(to.parent().unwrap_or(folder)).map_err(fault)?;
    fs::copy(library, &to).map_err(fault).map(drop)
}
