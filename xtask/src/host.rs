//! A host: its configuration, its disk, and our programs run as on it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::Result;
use crate::command::{Finished, Run};
use crate::error::Error;
use crate::place;
use crate::release::Release;
use crate::rootfs::VARIANT;

/// Exit code of our programs when there was nothing to do.
pub(crate) const NOTHING_TO_DO: i32 = 3;

/// What hosts of one repository share.
#[derive(Debug)]
pub(crate) struct Fleet<'a> {
    /// The repository's folder, from which the trusted root comes.
    pub(crate) repository: &'a Path,
    /// Where the repository is served.
    pub(crate) url: &'a str,
    /// The disk image that the host has for a disk.
    pub(crate) disk: &'a Path,
    /// Command lines and their output are appended here.
    pub(crate) record: &'a Path,
}

/// A host with a disk image for a disk.
#[derive(Debug)]
pub(crate) struct Host {
    folder: PathBuf,
    disk: PathBuf,
    record: PathBuf,
    active: char,
}

impl Fleet<'_> {
    /// Sets up a host of a seed in a folder; it runs a release from set A of its disk.
    ///
    /// # Errors
    ///
    /// Fails when its files cannot be written.
    pub(crate) fn host(&self, folder: &Path, seed: u16, runs: &Release) -> Result<Host> {
        place::make_folder(folder)?;
        let root = self.repository.join("metadata/1.root.json");
        fs::copy(&root, folder.join("root.json")).map_err(Error::file("copy", &root))?;
        place::write(&folder.join("updog.toml"), &self.settings(seed))?;
        let (disk, record) = (self.disk.to_owned(), self.record.to_owned());
        let mut host = Host { folder: folder.to_owned(), disk, record, active: 'A' };
        host.runs(runs, 'A')?;
        Ok(host)
    }

    fn settings(&self, seed: u16) -> String {
        let (url, migrator) = (self.url, place::program("migrator"));
        format!(
            "metadata_base_url = \"{url}/metadata/\"\ntargets_base_url = \"{url}/targets/\"\n\
             seed = {seed}\nversion_lock = \"latest\"\nignore_waves = false\n\n\
             # A host has these under /usr, /var and /etc; here they lie beside this file.\n\
             root_path = \"root.json\"\nos_release_path = \"os-release\"\n\
             metadata_cache = \"metadata\"\nmigrations_dir = \"migrations\"\nstate_dir = \"state\"\n\
             [migrations]\ndatastore = \"datastore\"\nprogram = \"{}\"\n",
            migrator.display()
        )
    }
}

impl Host {
    /// Makes the host one that runs a release from a set, as after a restart.
    ///
    /// # Errors
    ///
    /// Fails when its os-release cannot be written.
    pub(crate) fn runs(&mut self, release: &Release, set: char) -> Result<()> {
        self.active = set;
        let text = format!("ID=debian\nVARIANT_ID={VARIANT}\nVERSION_ID={}\n", release.version());
        place::write(&self.folder.join("os-release"), &text)
    }

    /// Runs `updog` on this host, accepting also that there was nothing to do.
    ///
    /// # Errors
    ///
    /// Fails when it does.
    pub(crate) fn updog(&self, arguments: &[&str]) -> Result<Finished> {
        self.updog_run(arguments).run()
    }

    /// `updog` on this host, not yet run.
    pub(crate) fn updog_run(&self, arguments: &[&str]) -> Run {
        let run = Run::ours("updog").arg("--config").arg(self.folder.join("updog.toml"));
        self.on_disk(run, arguments)
    }

    /// Runs `signpost` on this host's disk.
    ///
    /// # Errors
    ///
    /// Fails when it does.
    pub(crate) fn signpost(&self, arguments: &[&str]) -> Result<Finished> {
        self.on_disk(Run::ours("signpost"), arguments).run()
    }

    /// Runs `migrator` on this host's settings, as a boot of what runs does.
    ///
    /// # Errors
    ///
    /// Fails when it does.
    pub(crate) fn migrator(&self) -> Result<Finished> {
        let path = |name: &str| self.folder.join(name);
        let run = Run::ours("migrator").arg("--datastore-path").arg(self.datastore());
        let run = run.arg("--root-path").arg(path("root.json"));
        let run = run.arg("--metadata-directory").arg(path("migrations/current/metadata"));
        let run = run.arg("--migration-directory").arg(path("migrations/current/targets"));
        let run = run.arg("--migrate-to-version-from-os-release");
        run.arg("--os-release-path").arg(path("os-release")).record(&self.record).run()
    }

    /// What `migrator diff` tells of settings that were changed under the newer release.
    ///
    /// # Errors
    ///
    /// Fails when it does.
    pub(crate) fn changed_meanwhile(&self) -> Result<String> {
        let run = Run::ours("migrator").args(["diff", "--datastore-path"]);
        Ok(run.arg(self.datastore()).record(&self.record).run()?.stdout)
    }

    /// Where its settings are.
    pub(crate) fn datastore(&self) -> PathBuf {
        self.folder.join("datastore")
    }

    fn on_disk(&self, run: Run, arguments: &[&str]) -> Run {
        let run = run.arg("--disk").arg(&self.disk).args(["--active", &self.active.to_string()]);
        run.args(arguments).accept(&[0, NOTHING_TO_DO]).record(&self.record)
    }

    /// Makes the host forget what it has fetched and written, as a fresh one has.
    ///
    /// # Errors
    ///
    /// Fails when its state cannot be removed.
    pub(crate) fn forget(&self) -> Result<()> {
        ["state", "metadata", "migrations"]
            .iter()
            .try_for_each(|name| place::remove_folder(&self.folder.join(name)))
    }

    /// Looks whether `updog status` and `signpost status` both say that a set boots next.
    ///
    /// # Errors
    ///
    /// Fails when it is not the set that was expected.
    pub(crate) fn boots_next(&self, set: char) -> Result<()> {
        let updog = json(&self.updog(&["--json", "status"])?)?;
        let signpost = json(&self.signpost(&["--json", "status"])?)?;
        for (program, next) in
            [("updog", &updog["next"]["set"]), ("signpost", &signpost["next"]["set"])]
        {
            let next = next.as_str().unwrap_or("nothing");
            if next != set.to_string() {
                return Err(Error::Untrue(format!(
                    "{program} says that {next} boots next, not {set}"
                )));
            }
        }
        Ok(())
    }
}

/// Reads what a program printed as JSON.
///
/// # Errors
///
/// Fails when it is none.
pub(crate) fn json(finished: &Finished) -> Result<Value> {
    serde_json::from_str(&finished.stdout)
        .map_err(|error| Error::Untrue(format!("a program's JSON cannot be read: {error}")))
}
