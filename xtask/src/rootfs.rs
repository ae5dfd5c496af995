//! Two real root filesystems from the machine's own package sources: a release, and its patch release.
//!
//! Both hold the same packages, systemd and a container runtime among them. The first takes them from Debian's
//! release alone, the second with Debian's updates, so that some are at another version. They are built at
//! the same time; downloaded packages are kept in `target/debs` and shared.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use cli::ByteCount;

use crate::Result;
use crate::command::{Run, quote};
use crate::error::Error;
use crate::place;
use crate::sources::{Source, Sources};

/// Variant that both call themselves.
pub(crate) const VARIANT: &str = "demo";

/// What is in the root filesystem beside the essential packages and a kernel.
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

/// A root filesystem as a tar archive.
#[derive(Debug)]
pub(crate) struct Rootfs {
    /// The archive.
    pub(crate) tar: PathBuf,
    /// Packages and their versions.
    pub(crate) packages: BTreeMap<String, String>,
}

/// A release and its patch release.
#[derive(Debug)]
pub(crate) struct Pair {
    /// From Debian's release.
    pub(crate) old: Rootfs,
    /// With Debian's updates.
    pub(crate) new: Rootfs,
}

/// Builds both root filesystems into `folder`.
///
/// # Errors
///
/// Fails when the machine has no Debian sources, or mmdebstrap fails.
pub(crate) fn build_pair(folder: &Path, versions: [&str; 2]) -> Result<Pair> {
    place::make_folder(folder)?;
    let sources = Sources::of_machine()?;
    let kernel = format!("linux-image-cloud-{}", debian_architecture()?);
    let [old, new] = versions;
    let builds =
        [(old, sources.release()), (new, sources.updated())].map(|(version, sources)| Build {
            folder,
            version,
            sources,
            kernel: &kernel,
            debs: folder.join(format!("debs-{version}")),
        });
    let codename = sources.codename();
    let results = thread::scope(|scope| {
        let running = builds.each_ref().map(|build| scope.spawn(move || build.run(codename)));
        running.map(|thread| thread.join())
    });
    let [old, new] = results.map(|result| match result {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    });
    for build in &builds {
        build.share_debs()?;
    }
    Ok(Pair { old: old?, new: new? })
}

impl Pair {
    /// Sizes, and how many packages differ, with the names of some.
    pub(crate) fn said(&self) -> Result<String> {
        let sizes = [&self.old, &self.new].map(|rootfs| place::length(&rootfs.tar).map(ByteCount));
        let [old, new] = sizes;
        Ok(format!("{} and {}; of {}", old?, new?, self.difference()))
    }

    /// How many packages there are, and how many differ, with the names of some.
    pub(crate) fn difference(&self) -> String {
        let count = self.new.packages.len();
        let differing = self.differing();
        if differing.is_empty() {
            return format!(
                "{count} packages none differs: this machine's sources have no newer ones"
            );
        }
        let some: Vec<_> = differing.iter().take(4).copied().collect();
        format!("{count} packages {} differ, as {}", differing.len(), some.join(", "))
    }

    /// Packages that only one has, or that are at another version.
    fn differing(&self) -> Vec<&str> {
        let (old, new) = (&self.old.packages, &self.new.packages);
        let changed = new.iter().filter(|(name, version)| old.get(*name) != Some(version));
        let gone = old.keys().filter(|name| !new.contains_key(*name));
        changed.map(|(name, _)| name).chain(gone).map(String::as_str).collect()
    }
}

/// One run of mmdebstrap.
struct Build<'a> {
    folder: &'a Path,
    version: &'a str,
    sources: Vec<Source>,
    kernel: &'a str,
    debs: PathBuf,
}

impl Build<'_> {
    fn run(&self, codename: &str) -> Result<Rootfs> {
        let tar = self.file("tar");
        let sources = self.file("sources");
        let status = self.file("status");
        place::write(&sources, &self.sources.iter().map(ToString::to_string).collect::<String>())?;
        let shared = shared_debs();
        place::make_folder(&shared)?;
        place::make_folder(&self.debs)?;
        let include = format!("--include={},{}", INCLUDE.join(","), self.kernel);
        Run::new("mmdebstrap")
            .args(["--variant=minbase", "--format=tar", "--skip=download/empty,essential/unlink"])
            .arg(include)
            .args(["man", "doc"].map(|kind| format!("--dpkgopt=path-exclude=/usr/share/{kind}/*")))
            .arg("--dpkgopt=force-unsafe-io")
            .arg("--setup-hook=mkdir -p \"$1/var/cache/apt/archives\"")
            .arg(format!("--setup-hook=sync-in {} /var/cache/apt/archives", quoted(&shared)))
            .arg(format!(
                "--customize-hook=sync-out /var/cache/apt/archives {}",
                quoted(&self.debs)
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

    fn file(&self, extension: &str) -> PathBuf {
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
    fn share_debs(&self) -> Result<()> {
        let shared = shared_debs();
        for entry in fs::read_dir(&self.debs).map_err(Error::file("list", &self.debs))? {
            let path = entry.map_err(Error::file("list", &self.debs))?.path();
            let name = path.file_name().filter(|_| path.extension().is_some_and(|it| it == "deb"));
            if let Some(name) = name {
                fs::rename(&path, shared.join(name)).map_err(Error::file("move", &path))?;
            }
        }
        place::remove_folder(&self.debs)
    }
}

/// Names and versions of the packages that dpkg's status file calls installed.
fn installed(status: &str) -> BTreeMap<String, String> {
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

    fn rootfs(packages: &[(&str, &str)]) -> Rootfs {
        let packages = packages.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned()));
        Rootfs { tar: PathBuf::new(), packages: packages.collect() }
    }

    #[test]
    fn removed_packages_are_not_installed() {
        let status = "Package: a\nStatus: install ok installed\nVersion: 1\n\n\
                      Package: b\nStatus: deinstall ok config-files\nVersion: 2\n\n";
        assert_eq!(installed(status), rootfs(&[("a", "1")]).packages);
    }

    #[test]
    fn changed_new_and_gone_packages_differ() {
        let old = rootfs(&[("same", "1"), ("changed", "1"), ("gone", "1")]);
        let new = rootfs(&[("same", "1"), ("changed", "2"), ("new", "1")]);
        assert_eq!(Pair { old, new }.differing(), ["changed", "new", "gone"]);
    }
}
