//! What is measured upon: a data store, and a signed repository with migrations.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::command::{Run, quote};
use crate::error::Error;
use crate::steps::Steps;
use crate::{Result, place};

/// How many keys the store has.
pub(super) const KEYS: u32 = 10_000;

/// How many migrations there are, one from each minor version to the next.
pub(super) const STEPS: u32 = 20;

/// How many keys lie in one folder.
const GROUP: u32 = 100;

/// The store's folder.
const STORE: &str = "v1.0.0_0123456789abcdef";

/// Programs that take turns as migrations.
const PROGRAMS: [&str; 2] = ["hostname", "ntp-servers"];

/// A disk of a few mebibytes.
const SPEC: &str = "variant = 'small'\narch = 'x86_64'\nproduct_line = 'small'\n\
    kernel = 'boot/vmlinuz'\ninitramfs = 'boot/initrd'\n\
    [sizes]\nboot = 4\nroot = 8\nhash = 1\nreserved = 1\nprivate = 1\ndata = 1\n";

/// A folder with all of it.
pub(super) struct Bed {
    folder: PathBuf,
}

impl Bed {
    /// Makes everything anew.
    pub(super) fn make(folder: &Path) -> Result<Self> {
        place::remove_folder(folder)?;
        place::make_folder(folder)?;
        let bed = Self { folder: folder.to_owned() };
        let mut steps = Steps::new(2);
        steps.step("settings", || Ok((bed.settle()?, String::new())))?;
        steps.step("migrations", || Ok((bed.publish()?, String::new())))?;
        Ok(bed)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes the settings that every run begins with.
    fn settle(&self) -> Result<()> {
        let settings = self.path("settings/live/settings");
        place::make_folder(&settings.join("host"))?;
        place::write(&settings.join("host/name"), "\"worker-7\"")?;
        place::write(&settings.join("host/ntp-servers"), "[\"10.0.0.1\"]")?;
        for number in 2..KEYS {
            let group = settings.join(format!("group-{}", number / GROUP));
            place::make_folder(&group)?;
            place::write(
                &group.join(format!("key-{number}")),
                &format!("\"the value of {number}\""),
            )?;
        }
        Ok(())
    }

    /// Signs a repository whose last release has all migrations.
    fn publish(&self) -> Result<()> {
        let (spec, rootfs, parts) =
            (self.path("image.toml"), self.path("root"), self.path("parts"));
        let (repository, keys) = (self.path("repository"), self.path("keys"));
        let record = self.path("commands.log");
        place::write(&spec, SPEC)?;
        e2e::world::make_rootfs(&rootfs, &last());
        let build = Run::ours("image-builder").arg("build").arg("--spec").arg(spec);
        let build = build.arg("--rootfs").arg(rootfs).args(["--version", &last()]);
        build.arg("--out").arg(&parts).record(&record).run()?;
        let init = Run::ours("repo-tools").arg("init").arg("--repo").arg(&repository);
        init.arg("--keys").arg(&keys).record(&record).run()?;
        let add = Run::ours("repo-tools").args(["release", "add"]).arg("--repo").arg(repository);
        let add = add.arg("--keys").arg(keys).arg("--parts").arg(parts);
        let add = add.arg("--migrations").arg(self.migrations()?);
        add.args(["--images", "lz4"]).record(&record).run().map(|_| ())
    }

    /// A folder with the migrations, without symbols as a publisher has them, and the listing that names them.
    fn migrations(&self) -> Result<PathBuf> {
        let folder = self.path("migrations");
        place::make_folder(&folder)?;
        let mut listing = String::new();
        for (minor, program) in (0..STEPS).zip(PROGRAMS.iter().cycle()) {
            let (from, to) = (version(minor), version(minor + 1));
            let file = format!("migrate_v{to}_{program}");
            let path = folder.join(&file);
            Run::new("strip").arg("-o").arg(&path).arg(place::program(program)).run()?;
            listing +=
                &format!("[[migrations]]\nfrom = '{from}'\nto = '{to}'\nfiles = ['{file}']\n");
        }
        place::write(&folder.join("migrations.toml"), &listing)?;
        Ok(folder)
    }

    /// Puts the settings of before in place, flushed.
    pub(super) fn reset(&self) -> Result<()> {
        let datastore = self.path("datastore");
        place::remove_folder(&datastore)?;
        place::make_folder(&datastore)?;
        let copy = Run::new("cp").arg("-a").arg(self.path("settings"));
        copy.arg(datastore.join(STORE)).run()?;
        for (link, to) in [("v1.0.0", STORE), ("v1.0", "v1.0.0"), ("v1", "v1.0"), ("current", "v1")]
        {
            let link = datastore.join(link);
            symlink(to, &link).map_err(Error::file("make", &link))?;
        }
        self.flush()
    }

    /// Whether the settings went all the way.
    pub(super) fn has_moved(&self) -> Result<()> {
        let live = self.path("datastore/current/live/settings");
        let name = place::read(&live.join("network/hostname"))?;
        let last = format!("group-{}/key-{}", (KEYS - 1) / GROUP, KEYS - 1);
        let value = place::read(&live.join(last))?;
        if name == "\"worker-7\"" && value == format!("\"the value of {}\"", KEYS - 1) {
            return Ok(());
        }
        Err(Error::Untrue("the settings should be those of the last version".to_owned()))
    }

    /// The run through all migrations.
    pub(super) fn all(&self) -> Run {
        self.migrator(&last())
    }

    /// The run that finds nothing to do.
    pub(super) fn none(&self) -> Run {
        self.migrator(&version(0))
    }

    fn migrator(&self, to: &str) -> Run {
        let repository = self.path("repository");
        let run = Run::ours("migrator").arg("--datastore-path").arg(self.path("datastore/current"));
        let run = run.arg("--migration-directory").arg(repository.join("targets"));
        let run = run.arg("--metadata-directory").arg(repository.join("metadata"));
        let run = run.arg("--root-path").arg(repository.join("metadata/1.root.json"));
        run.args(["--migrate-to-version", to])
    }

    /// Removes the copy, flushed.
    pub(super) fn no_copy(&self) -> Result<()> {
        place::remove_folder(&self.path("copy"))?;
        self.flush()
    }

    /// Copies the settings and flushes their file system.
    pub(super) fn copy(&self) -> Run {
        let [from, to] = ["settings", "copy"].map(|name| quote(&self.path(name).to_string_lossy()));
        Run::new("sh").args(["-c", &format!("cp -a {from} {to} && sync --file-system {to}")])
    }

    fn flush(&self) -> Result<()> {
        Run::new("sync").arg("--file-system").arg(&self.folder).run().map(|_| ())
    }
}

fn version(minor: u32) -> String {
    format!("1.{minor}.0")
}

fn last() -> String {
    version(STEPS)
}
