//! Two real root filesystems from the machine's own package sources: a release, and its patch release.
//!
//! Both hold the same packages, systemd and a container runtime among them. The first takes them from Debian's
//! release alone, the second with Debian's updates, so that some are at another version. They are built at
//! the same time; downloaded packages are kept in `target/debs` and shared.

mod build;
mod earlier;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread;

use cli::ByteCount;

use self::build::Build;
pub(crate) use self::earlier::{Change, kept_change};
use crate::Result;
use crate::place;
use crate::sources::Sources;

/// Variant that both call themselves.
pub(crate) const VARIANT: &str = "demo";

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
    let [old, new] = versions;
    let builds = [(old, sources.release()), (new, sources.updated())]
        .map(|(version, sources)| Build { folder, version, sources, include: &[], pins: "" });
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

#[cfg(test)]
mod tests {
    use super::*;

    fn rootfs(packages: &[(&str, &str)]) -> Rootfs {
        let packages = packages.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned()));
        Rootfs { tar: PathBuf::new(), packages: packages.collect() }
    }

    #[test]
    fn changed_new_and_gone_packages_differ() {
        let old = rootfs(&[("same", "1"), ("changed", "1"), ("gone", "1")]);
        let new = rootfs(&[("same", "1"), ("changed", "2"), ("new", "1")]);
        assert_eq!(Pair { old, new }.differing(), ["changed", "new", "gone"]);
    }
}
