//! One run of mmdebstrap.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Rootfs, VARIANT};
use crate::command::{Run, quote};
use crate::error::Error;
use crate::sources::Source;
use crate::{Result, place};

/// What is in every root filesystem beside the essential packages and a kernel.
const INCLUDE: [&str; 10] = [
    "systemd-sysv",
    "dbus",
    "udev",
    "kmod",
    "iproute2",
    "openssh-server",
    "ca-certificates",
    "containerd",
    "runc",
    "podman",
];

/// Time of every file that a build would otherwise stamp with its own, in seconds since 1970.
const SOURCE_DATE_EPOCH: &str = "1767225600";

/// Where apt looks for preferences, below the root.
const PINS: &str = "etc/apt/preferences.d/xtask";

/// A root filesystem to be.
pub(super) struct Build<'a> {
    /// Where it is made.
    pub(super) folder: &'a Path,
    /// The version that it says it is.
    pub(super) version: &'a str,
    /// Where packages come from.
    pub(super) sources: Vec<Source>,
    /// Packages beside those that every one has.
    pub(super) include: &'a [&'a str],
    /// Preferences of apt (`apt_preferences(5)`) while it is built.
    pub(super) pins: &'a str,
}

impl Build<'_> {
    /// Builds it for Debian's release of a code name.
    ///
    /// # Errors
    ///
    /// Fails when mmdebstrap does.
    pub(super) fn run(&self, codename: &str) -> Result<Rootfs> {
        let tar = self.file("tar");
        let sources = self.file("sources");
        let status = self.file("status");
        let pins = self.file("pins");
        place::write(&pins, self.pins)?;
        place::write(&sources, &self.sources.iter().map(ToString::to_string).collect::<String>())?;
        let shared = shared_debs();
        place::make_folder(&shared)?;
        place::make_folder(&self.debs())?;
        let kernel = format!("linux-image-cloud-{}", debian_architecture()?);
        let packages: Vec<&str> = INCLUDE.iter().chain(self.include).copied().collect();
        let include = format!("--include={},{kernel}", packages.join(","));
        Run::new("mmdebstrap")
            .args(["--variant=minbase", "--format=tar", "--skip=download/empty,essential/unlink"])
            .arg(include)
            .args(["man", "doc"].map(|kind| format!("--dpkgopt=path-exclude=/usr/share/{kind}/*")))
            .arg("--dpkgopt=force-unsafe-io")
            .arg("--setup-hook=mkdir -p \"$1/var/cache/apt/archives\"")
            .arg(format!("--setup-hook=sync-in {} /var/cache/apt/archives", quoted(&shared)))
            .arg(format!("--setup-hook=upload {} /{PINS}", quoted(&pins)))
            .arg(format!("--customize-hook=rm \"$1/{PINS}\""))
            .arg(format!(
                "--customize-hook=sync-out /var/cache/apt/archives {}",
                quoted(&self.debs())
            ))
            .arg(format!("--customize-hook={}", self.os_release_hook()))
            .arg("--customize-hook=rm -f \"$1\"/etc/ssh/ssh_host_*_key*")
            .arg(format!("--customize-hook=download /var/lib/dpkg/status {}", quoted(&status)))
            .arg(codename)
            .arg(&tar)
            .arg(&sources)
            .env("SOURCE_DATE_EPOCH", SOURCE_DATE_EPOCH)
            .record(&self.file("log"))
            .run()?;
        Ok(Rootfs { packages: installed(&place::read(&status)?), tar })
    }

    fn debs(&self) -> PathBuf {
        self.folder.join(format!("debs-{}", self.version))
    }

    /// A file of the build: `tar`, or `status` with what is installed.
    pub(super) fn file(&self, extension: &str) -> PathBuf {
        self.folder.join(format!("{}.{extension}", self.version))
    }

    /// A shell line that makes the root filesystem say which release it is.
    fn os_release_hook(&self) -> String {
        format!(
            "sed -i '/^VARIANT_ID=/d;/^VERSION_ID=/d' \"$1/usr/lib/os-release\" && \
             printf 'VARIANT_ID=%s\\nVERSION_ID=%s\\n' {VARIANT} {} >> \"$1/usr/lib/os-release\"",
            self.version
        )
    }

    /// Moves what was downloaded to where the next build finds it.
    ///
    /// # Errors
    ///
    /// Fails when files cannot be moved.
    pub(super) fn share_debs(&self) -> Result<()> {
        let (shared, debs) = (shared_debs(), self.debs());
        for entry in fs::read_dir(&debs).map_err(Error::file("list", &debs))? {
            let path = entry.map_err(Error::file("list", &debs))?.path();
            let name = path.file_name().filter(|_| path.extension().is_some_and(|it| it == "deb"));
            if let Some(name) = name {
                fs::rename(&path, shared.join(name)).map_err(Error::file("move", &path))?;
            }
        }
        place::remove_folder(&debs)
    }
}

/// Names and versions of the packages that dpkg's status file calls installed.
pub(super) fn installed(status: &str) -> BTreeMap<String, String> {
    let stanzas = status.split("\n\n").filter_map(|stanza| {
        let field = |name: &str| {
            stanza.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        };
        let there = field("Status")?.ends_with(" installed");
        there.then_some((field("Package")?.to_owned(), field("Version")?.to_owned()))
    });
    stanzas.collect()
}

fn shared_debs() -> PathBuf {
    place::target().join("debs")
}

fn debian_architecture() -> Result<String> {
    let said = Run::new("dpkg").arg("--print-architecture").run()?;
    Ok(said.stdout.trim().to_owned())
}

fn quoted(path: &Path) -> String {
    quote(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removed_packages_are_not_installed() {
        let status = "Package: a\nStatus: install ok installed\nVersion: 1\n\n\
                      Package: b\nStatus: deinstall ok config-files\nVersion: 2\n\n";
        let expected = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
        assert_eq!(installed(status), expected);
    }
}
