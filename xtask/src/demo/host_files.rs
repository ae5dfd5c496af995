//! The files of a host that no package brings: our programs, their units and settings, and the root that the host trusts.
//!
//! They are added to the end of a root filesystem's archive, where what comes later counts. Owners, modes and times are
//! always the same, so that two builds are.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::command::Run;
use crate::error::Error;
use crate::package::PROGRAMS;
use crate::place;

/// Files of every host, and those that only the demo's host has, in the fixtures.
const FOLDERS: [&str; 2] = ["host/root", "host/demo"];

/// Our units, and where they go.
const UNITS: [&str; 2] = ["dist/units", "usr/lib/systemd/system"];

/// What an installer brings with the first release.
const FIRST: &str = "host/first";

/// A folder that is laid over root filesystems.
#[derive(Debug)]
pub(super) struct HostFiles<'a> {
    folder: PathBuf,
    record: &'a Path,
}

impl<'a> HostFiles<'a> {
    /// Gathers them in a folder; the trusted root comes from a repository.
    ///
    /// # Errors
    ///
    /// Fails when something is not there.
    pub(super) fn gather(folder: &Path, repository: &Path, record: &'a Path) -> Result<Self> {
        let (programs, trusted) = (folder.join("usr/bin"), folder.join("usr/share/updog"));
        place::make_folder(&programs)?;
        place::make_folder(&trusted)?;
        let files = Self { folder: folder.to_owned(), record };
        FOLDERS.iter().try_for_each(|name| files.copy(&place::fixture(name).join("."), folder))?;
        let [from, to] = UNITS;
        files.copy(&place::project().join(from).join("."), &folder.join(to))?;
        for name in PROGRAMS {
            // What a debugger needs would travel to every host.
            let strip = Run::new("strip").arg("-o").arg(programs.join(name));
            strip.arg(place::program(name)).record(record).run()?;
        }
        files.copy(&repository.join("metadata/1.root.json"), &trusted.join("root.json"))?;
        Ok(files)
    }

    /// Adds them to a root filesystem.
    ///
    /// # Errors
    ///
    /// Fails when tar does.
    pub(super) fn add_to(&self, tar: &Path) -> Result<()> {
        self.append(tar, &self.folder)
    }

    /// Adds them to the root filesystem of a first release, with what an installer brings.
    ///
    /// # Errors
    ///
    /// Fails when tar does.
    pub(super) fn add_to_first(&self, tar: &Path) -> Result<()> {
        self.add_to(tar)?;
        self.append(tar, &place::fixture(FIRST))
    }

    /// Makes a root filesystem that is another one with the files of a folder, if there is one.
    ///
    /// # Errors
    ///
    /// Fails when it cannot be written.
    pub(super) fn variant(&self, of: &Path, with: Option<&Path>, tar: &Path) -> Result<()> {
        fs::copy(of, tar).map_err(Error::file("copy", of))?;
        with.map_or(Ok(()), |folder| self.append(tar, folder))
    }

    fn append(&self, tar: &Path, folder: &Path) -> Result<()> {
        let append = Run::new("tar").arg("--append").arg("--file").arg(tar).arg("--directory");
        let same = ["--owner=0", "--group=0", "--mode=u=rwX,go=rX", "--mtime=@0", "--sort=name"];
        append.arg(folder).args(same).arg(".").record(self.record).run().map(drop)
    }

    /// With links as they are.
    fn copy(&self, from: &Path, to: &Path) -> Result<()> {
        let copy = Run::new("cp").args(["--recursive", "--no-dereference"]);
        copy.arg(from).arg(to).record(self.record).run().map(drop)
    }
}
