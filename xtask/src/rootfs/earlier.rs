//! Root filesystems as they were before an update: the packages of the newest one, some at the version before.
//!
//! Debian's archives hold two versions of many packages, one in the release and one among the security updates, and either may be the
//! newer. apt's preferences name the version before, package by package. What differs follows what Debian has today,
//! and is said.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::build::{Build, installed};
use super::{Pair, Rootfs};
use crate::command::Run;
use crate::sources::Sources;
use crate::{Result, place};

/// Packages beside those of the demo: interpreters and libraries that are updated often, and a larger runtime.
const INCLUDE: [&str; 6] = ["perl", "python3", "openssl", "curl", "git", "docker.io"];

/// Source packages of which there is an earlier version more often than not.
const OFTEN: [&str; 10] = [
    "perl",
    "python3.11",
    "openssl",
    "curl",
    "git",
    "expat",
    "glib2.0",
    "openssh",
    "containerd",
    "tzdata",
];

/// Source packages that every process depends on.
const CORE: [&str; 3] = ["linux", "glibc", "systemd"];

/// What is at another version than in the newest root filesystem, as far as there is an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Interpreters, libraries and the container runtime, with the same kernel, libc and systemd.
    Patch,
    /// These, too.
    Big,
}

impl Change {
    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Patch => "patch",
            Self::Big => "big",
        }
    }

    /// Whether binary packages of a source package change; signed kernels have sources of their own.
    fn covers(self, source: &str) -> bool {
        let core = source.split_once("-signed-").map_or(source, |(name, _)| name);
        OFTEN.contains(&source) || (self == Self::Big && CORE.contains(&core))
    }
}

/// Tar archives of the root filesystem before a change and after it, and what to say of them; built unless an earlier run did.
///
/// # Errors
///
/// Fails when the machine has no Debian sources, or apt or mmdebstrap fails.
pub(crate) fn kept_change(
    folder: &Path,
    [old, new]: [&str; 2],
    change: Change,
) -> Result<([PathBuf; 2], String)> {
    let sources = Sources::of_machine()?;
    let (newest, before) = (folder.join("newest"), folder.join(change.name()));
    let build = |folder, version, pins| Build {
        folder,
        version,
        sources: sources.updated(),
        include: &INCLUDE,
        pins,
    };
    let new = kept(&build(&newest, new, ""), sources.codename())?;
    let pins = || {
        let status = place::read(&new.status)?;
        Ok(pins(&Archives::update(folder, &sources)?.versions(&status)?, &status, change))
    };
    let is_kept = build(&before, old, "").file("done").exists();
    let pins = if is_kept { String::new() } else { pins()? };
    let old = kept(&build(&before, old, &pins), sources.codename())?;
    let tars = [&old, &new].map(|rootfs| rootfs.rootfs.tar.clone());
    Ok((tars, Pair { old: old.rootfs, new: new.rootfs }.said()?))
}

/// A root filesystem that is there, with dpkg's status file.
struct Kept {
    rootfs: Rootfs,
    status: PathBuf,
}

/// Builds a root filesystem, unless an earlier run did.
fn kept(build: &Build<'_>, codename: &str) -> Result<Kept> {
    let (done, status) = (build.file("done"), build.file("status"));
    if !done.exists() {
        place::make_folder(build.folder)?;
        let built = build.run(codename);
        build.share_debs()?;
        built?;
        place::write(&done, "")?;
    }
    let packages = installed(&place::read(&status)?);
    Ok(Kept { rootfs: Rootfs { tar: build.file("tar"), packages }, status })
}

/// Package lists of Debian's archives, in a folder of ours: those of the machine may be old.
struct Archives {
    options: Vec<String>,
}

impl Archives {
    fn update(folder: &Path, sources: &Sources) -> Result<Self> {
        let folder = folder.join("apt");
        let [parts, lists, cache] =
            ["sources.list.d", "lists/partial", "cache/archives/partial"].map(|it| folder.join(it));
        [&parts, &lists, &cache].into_iter().try_for_each(|folder| place::make_folder(folder))?;
        let text: String = sources.updated().iter().map(ToString::to_string).collect();
        place::write(&parts.join("debian.sources"), &text)?;
        let folder = folder.display();
        let options = [
            "--option=Dir::Etc::SourceList=/dev/null".to_owned(),
            format!("--option=Dir::Etc::SourceParts={folder}/sources.list.d"),
            format!("--option=Dir::State::Lists={folder}/lists"),
            format!("--option=Dir::Cache={folder}/cache"),
            "--option=APT::Sandbox::User=root".to_owned(),
        ];
        let archives = Self { options: options.into() };
        Run::new("apt-get").args(&archives.options).arg("update").run()?;
        Ok(archives)
    }

    /// All versions of what is installed, the newest first.
    fn versions(&self, status: &str) -> Result<BTreeMap<String, Vec<String>>> {
        let packages = installed(status).into_keys();
        let said = Run::new("apt-cache").args(&self.options).arg("madison").args(packages).run()?;
        Ok(madison(&said.stdout))
    }
}

/// Reads lines of `package | version | archive`.
fn madison(said: &str) -> BTreeMap<String, Vec<String>> {
    let mut versions = BTreeMap::<String, Vec<String>>::new();
    for line in said.lines() {
        let mut fields = line.split('|').map(str::trim);
        if let (Some(package), Some(version)) = (fields.next(), fields.next()) {
            versions.entry(package.to_owned()).or_default().push(version.to_owned());
        }
    }
    versions
}

/// Preferences of apt for the version before what is installed, of the packages that change.
fn pins(versions: &BTreeMap<String, Vec<String>>, status: &str, change: Change) -> String {
    let sources = installed_sources(status);
    let pin = |(package, installed): (String, String)| {
        let source = sources.get(&package).unwrap_or(&package);
        let all = versions.get(&package)?.iter();
        let before = all.skip_while(|it| **it != installed).find(|it| **it != installed)?;
        let pin = format!("Package: {package}\nPin: version {before}\nPin-Priority: 1001\n\n");
        change.covers(source).then_some(pin)
    };
    installed(status).into_iter().filter_map(pin).collect()
}

/// The source packages of packages that have another name than theirs.
fn installed_sources(status: &str) -> BTreeMap<String, String> {
    let stanzas = status.split("\n\n").filter_map(|stanza| {
        let field = |name: &str| {
            stanza.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        };
        let source = field("Source")?.split_whitespace().next()?;
        Some((field("Package")?.to_owned(), source.to_owned()))
    });
    stanzas.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Package: libc6\nStatus: install ok installed\nSource: glibc\nVersion: 2\n\n\
                          Package: perl\nStatus: install ok installed\nVersion: 3\n\n\
                          Package: bash\nStatus: install ok installed\nVersion: 1\n\n\
                          Package: linux-image\nStatus: install ok installed\n\
                          Source: linux-signed-amd64 (6)\nVersion: 6\n\n";

    const MADISON: &str = "     libc6 | 2 | http://m tree/main amd64 Packages\n\
                           \x20    libc6 | 1 | http://m tree-security/main amd64 Packages\n\
                           perl | 4 | http://m tree-security/main amd64 Packages\n\
                           perl | 3 | http://m tree/main amd64 Packages\n\
                           perl | 3 | http://m tree-updates/main amd64 Packages\n\
                           perl | 2 | http://m tree/main amd64 Packages\n\
                           bash | 1 | http://m tree/main amd64 Packages\n\
                           linux-image | 6 | http://m tree/main amd64 Packages\n\
                           linux-image | 5 | http://m tree/main amd64 Packages\n";

    fn pinned(change: Change) -> Vec<(String, String)> {
        let pins = pins(&madison(MADISON), STATUS, change);
        let value = |line: &str| line.rsplit(' ').next().unwrap_or_default().to_owned();
        let lines: Vec<_> = pins.lines().collect();
        lines.chunks(4).map(|pin| (value(pin[0]), value(pin[1]))).collect()
    }

    #[test]
    fn the_version_before_the_installed_one_is_preferred() {
        let expected = [("libc6", "1"), ("linux-image", "5"), ("perl", "2")];
        assert_eq!(pinned(Change::Big), expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }

    #[test]
    fn kernel_and_libc_stay_in_a_patch() {
        assert_eq!(pinned(Change::Patch), [("perl".to_owned(), "2".to_owned())]);
        let [patch, big] = [Change::Patch, Change::Big];
        assert!(!patch.covers("linux-signed-amd64") && big.covers("linux-signed-amd64"));
        assert!(patch.covers("openssl") && big.covers("openssl") && big.covers("systemd"));
        assert!(!big.covers("linuxptp") && !big.covers("bash"));
    }
}
