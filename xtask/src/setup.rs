//! `cargo xtask setup`: what the other commands need, installed or named.
//!
//! Debian packages are installed when this runs as root and only named otherwise; everything else goes into the
//! target folder and needs no rights. What is there already is left alone, so that a second run does nothing.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::Result;
use crate::command::Run;
use crate::error::Error;
use crate::packages::{self, Need, Package, find_program};
use crate::place;
use crate::steps::{Steps, say};

/// Version of cargo-deny that is installed where none is.
const CARGO_DENY: &str = "0.20.2";

/// Oldest cargo-deny whose configuration is ours.
const CARGO_DENY_OLDEST: (u32, u32) = (0, 18);

/// Version of cargo-deb that makes our packages; no other is taken, since what it adds to a package is its own business.
const CARGO_DEB: &str = "3.8.0";

/// Python packages with their versions: for the tests that let python-tuf read our repositories, and for firmware
/// variables with keys in them.
const PYTHON: [&str; 3] = ["tuf==7.0.1", "securesystemslib[crypto]==1.6.0", "virt-firmware==26.10"];

/// What to set up.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Also the peers that `bench` compares with.
    #[arg(long)]
    bench: bool,
}

/// Sets up everything, a line a step.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut steps = Steps::new(3);
    let bench = options.bench.then_some(Need::Bench);
    let needs: Vec<Need> = [Need::Always, Need::Machine].into_iter().chain(bench).collect();
    steps.step("Debian packages", || Ok(((), install_packages(&needs)?)))?;
    if options.bench {
        install_peers();
    }
    steps.step("python-tuf and virt-firmware in target/venv", || Ok(((), make_venv()?)))?;
    steps.step("cargo-deny", || cargo_deny().map(|path| ((), path.display().to_string())))
}

/// Installs the packages of some kinds that are missing and says what was done.
///
/// # Errors
///
/// Fails when packages are missing and this is not root, or apt-get fails.
pub(crate) fn install_packages(needs: &[Need]) -> Result<String> {
    let root = rustix::process::geteuid().is_root();
    let unprivileged = if root { None } else { Some(Need::Unprivileged) };
    let needs: Vec<Need> = needs.iter().copied().chain(unprivileged).collect();
    let missing = packages::missing(&needs);
    if missing.is_empty() {
        return Ok("all there".to_owned());
    }
    if find_program("apt-get").is_none() {
        let reason = "there is no apt-get here: install what these Debian packages hold";
        return Err(Error::Packages { missing, reason });
    }
    if !root {
        return Err(Error::Packages { missing, reason: "only root may install packages" });
    }
    apt_get_install(&missing)?;
    let still = packages::missing(&needs);
    if !still.is_empty() {
        let reason = "apt-get was content, but what they should bring along is not there";
        return Err(Error::Packages { missing: still, reason });
    }
    let names: Vec<_> = missing.iter().map(|package| package.name).collect();
    Ok(format!("installed {}", names.join(" ")))
}

/// Installs the peers that are missing and can be had; a bench says which it goes without.
pub(crate) fn install_peers() {
    for package in packages::missing(&[Need::Peer]) {
        // One that a release of Debian does not have keeps no other out.
        if rustix::process::geteuid().is_root() && apt_get_install(&[package]).is_err() {
            say(&format!("cannot install {}\n", package.name));
        }
    }
}

/// Installs packages; when that fails, once more with fresh lists.
fn apt_get_install(missing: &[&Package]) -> Result<()> {
    let command = packages::install_command(missing);
    let apt = |arguments: &[&str]| {
        Run::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive").run()
    };
    if apt(&command[1..]).is_err() {
        apt(&["update"])?;
        apt(&command[1..])?;
    }
    Ok(())
}

/// Makes `target/venv` with python-tuf and virt-firmware, unless it holds the right versions already.
pub(crate) fn make_venv() -> Result<String> {
    let folder = place::target().join("venv");
    let stamp = folder.join("waystone-packages");
    let wanted = PYTHON.join("\n");
    if place::read(&stamp).is_ok_and(|there| there == wanted) {
        return Ok("there".to_owned());
    }
    make_bare_venv(&folder)?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    let python = folder.join("bin/python3");
    Run::new(&python.to_string_lossy()).args(pip).args(PYTHON).run()?;
    place::write(&stamp, &wanted)?;
    Ok(format!("installed {}", PYTHON.join(" ")))
}

/// Makes an environment with nothing in it but pip, in place of what is there.
pub(crate) fn make_bare_venv(folder: &Path) -> Result<()> {
    place::remove_folder(folder)?;
    Run::new(python()).args(["-m", "venv"]).arg(folder).run().map(drop)
}

/// Debian's Python, to which python3-venv belongs, or any other.
fn python() -> &'static str {
    let debian = "/usr/bin/python3";
    if Path::new(debian).exists() { debian } else { "python3" }
}

/// Finds cargo-deny, or installs it into `target/tools`. It works a second here: a build without optimisation and
/// debug information takes a third of the time, and that is what counts.
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    let ours = tools().join("bin/cargo-deny");
    let found = find_program("cargo-deny").into_iter().chain([ours.clone()]);
    if let Some(path) = found.into_iter().find(|path| is_new_enough(path)) {
        return Ok(path);
    }
    install("cargo-deny", CARGO_DENY)?;
    Ok(ours)
}

/// Finds cargo-deb in `target/tools`, or installs it there.
pub(crate) fn cargo_deb() -> Result<PathBuf> {
    let ours = tools().join("bin/cargo-deb");
    let version = Run::new(&ours.to_string_lossy()).arg("--version").run();
    if !version.is_ok_and(|said| said.stdout.trim().ends_with(CARGO_DEB)) {
        install("cargo-deb", CARGO_DEB)?;
    }
    Ok(ours)
}

/// Where programs that cargo installs for us lie.
fn tools() -> PathBuf {
    place::target().join("tools")
}

/// Installs a program of a registry as it takes the least time to build.
fn install(name: &str, version: &str) -> Result<()> {
    let install = Run::cargo().args(["install", name, "--locked", "--version", version]);
    let install = install.arg("--debug").env("CARGO_PROFILE_DEV_DEBUG", "false");
    install.arg("--root").arg(tools()).run().map(drop)
}

fn is_new_enough(cargo_deny: &Path) -> bool {
    let version = Run::new(&cargo_deny.to_string_lossy()).arg("--version").run();
    version.ok().and_then(|said| first_two(&said.stdout)).is_some_and(|it| it >= CARGO_DENY_OLDEST)
}

/// The first two numbers of `cargo-deny 0.20.2`.
fn first_two(said: &str) -> Option<(u32, u32)> {
    let mut numbers = said.split_whitespace().nth(1)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(first_two("cargo-deny 0.20.2\n"), Some((0, 20)));
        assert!(first_two("cargo-deny 0.9.1") < Some(CARGO_DENY_OLDEST));
        assert_eq!(first_two("unknown"), None);
    }
}
