//! Migrations as they are published beside a release: a folder with their programs, and with the list of the versions between which they run.

use std::path::{Path, PathBuf};

use crate::Result;
use crate::command::Run;
use crate::place;

/// The package with the programs.
pub(super) const PACKAGE: &str = "migrations";

/// What changes between the first two releases: a setting gets another name, and one becomes two.
const PROGRAMS: [&str; 2] = ["hostname", "registry-mirror"];

/// Where programs and list are gathered.
#[derive(Debug)]
pub(super) struct Migrations {
    /// The folder.
    pub(super) folder: PathBuf,
    names: Vec<String>,
}

impl Migrations {
    /// Those from the first release to the second.
    ///
    /// # Errors
    ///
    /// Fails when a program is not built, or a file cannot be written.
    pub(super) fn gather(folder: &Path, versions: [&str; 2], record: &Path) -> Result<Self> {
        place::make_folder(folder)?;
        let names = PROGRAMS.map(|program| format!("migrate_v{}_{program}", versions[1]));
        for (program, name) in PROGRAMS.iter().zip(&names) {
            // What a debugger needs would travel to every host.
            let strip = Run::new("strip").arg("-o").arg(folder.join(name));
            strip.arg(place::program(program)).record(record).run()?;
        }
        Self::list(folder, versions, names.to_vec())
    }

    /// Those between two releases whose settings are the same: none, which has to be said where others have some.
    ///
    /// # Errors
    ///
    /// Fails when the list cannot be written.
    pub(super) fn none(folder: &Path, versions: [&str; 2]) -> Result<Self> {
        place::make_folder(folder)?;
        Self::list(folder, versions, Vec::new())
    }

    /// Those of a folder that has its list already.
    pub(super) fn at(folder: PathBuf) -> Self {
        Self { folder, names: Vec::new() }
    }

    fn list(folder: &Path, [from, to]: [&str; 2], names: Vec<String>) -> Result<Self> {
        let list = format!("[[migrations]]\nfrom = '{from}'\nto = '{to}'\nfiles = {names:?}\n");
        place::write(&folder.join("migrations.toml"), &list)?;
        Ok(Self { folder: folder.to_owned(), names })
    }

    /// Their names, as what is said of the step that publishes them.
    pub(super) fn said(&self) -> String {
        if self.names.is_empty() {
            String::new()
        } else {
            format!("with {}", self.names.join(" and "))
        }
    }
}
