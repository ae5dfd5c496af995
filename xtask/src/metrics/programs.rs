//! The real programs, from the search path or from Debian's packages, unpacked.

use std::path::{Path, PathBuf};

use super::open;
use crate::command::Run;
use crate::error::Error;
use crate::packages::find_program;
use crate::{Result, place};

/// Debian's packages and the programs that are needed of them.
const PACKAGES: [&str; 2] = ["prometheus", "prometheus-node-exporter"];
const PROGRAMS: [&str; 3] = ["promtool", "prometheus", "prometheus-node-exporter"];

/// Where the programs are.
#[derive(Debug)]
pub(super) struct Programs {
    promtool: PathBuf,
    /// The server.
    pub(super) prometheus: PathBuf,
    /// The exporter.
    pub(super) exporter: PathBuf,
}

impl Programs {
    /// Finds the programs, or downloads and unpacks what they are in; says where they are from.
    ///
    /// # Errors
    ///
    /// Fails when they are not there and cannot be had.
    pub(super) fn find() -> Result<(Self, String)> {
        if let Some(found) = Self::from(find_program) {
            return Ok((found, "installed".to_owned()));
        }
        let folder = place::target().join("prometheus");
        let unpacked =
            |name: &str| Some(folder.join("usr/bin").join(name)).filter(|it| it.exists());
        if Self::from(unpacked).is_none() {
            download(&folder)?;
        }
        let found = Self::from(unpacked);
        let missing = || Error::Untrue(format!("Debian's packages hold {}", PROGRAMS.join(", ")));
        Ok((found.ok_or_else(missing)?, format!("in {}", folder.display())))
    }

    fn from(find: impl Fn(&str) -> Option<PathBuf>) -> Option<Self> {
        let [promtool, prometheus, exporter] = PROGRAMS.map(find);
        Some(Self { promtool: promtool?, prometheus: prometheus?, exporter: exporter? })
    }

    /// Runs promtool on files of the project; the last line that it prints.
    ///
    /// # Errors
    ///
    /// Fails when promtool does not like them.
    pub(super) fn promtool(&self, command: &[&str], files: &[&str]) -> Result<((), String)> {
        let files = files.iter().map(|file| place::project().join(file));
        let said = Run::program_at(&self.promtool, "promtool").args(command).args(files).run()?;
        let last = said.stdout.lines().rev().find(|line| !line.is_empty());
        Ok(((), last.unwrap_or_default().trim().to_owned()))
    }

    /// Has promtool read metrics as Prometheus would, and judge their names.
    ///
    /// # Errors
    ///
    /// Fails when it finds anything.
    pub(super) fn check_metrics(&self, file: &Path) -> Result<((), String)> {
        let run = Run::program_at(&self.promtool, "promtool").args(["check", "metrics"]);
        run.input(open(file)?).run()?;
        let families = place::read(file)?.lines().filter(|it| it.starts_with("# TYPE")).count();
        Ok(((), format!("{families} metrics")))
    }

    /// What a server answers to an expression, a line a sample.
    pub(super) fn query(&self, server: &str, expression: &str) -> Result<String> {
        let run = Run::program_at(&self.promtool, "promtool").args(["query", "instant"]);
        Ok(run.args([server, expression]).run()?.stdout)
    }
}

/// Downloads the packages and unpacks them; nothing of them is run. With fresh lists where there are none, or old ones.
fn download(folder: &Path) -> Result<()> {
    if find_program("apt-get").is_none() {
        return Err(Error::NotYet(format!("install {} first", PROGRAMS.join(", "))));
    }
    place::remove_folder(folder)?;
    place::make_folder(folder)?;
    let get = || Run::new("apt-get").arg("download").args(PACKAGES).current_dir(folder).run();
    if get().is_err() {
        Run::new("apt-get").arg("update").run()?;
        get()?;
    }
    for entry in folder.read_dir().map_err(Error::file("list", folder))? {
        let package = entry.map_err(Error::file("list", folder))?.path();
        Run::new("dpkg-deb").arg("--extract").arg(package).arg(folder).run()?;
    }
    Ok(())
}
