//! A host that keeps itself up to date: its disk, its repository, and its starts.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::super::case::{Failure, Places, make_anew};
use super::super::console::Said;
use super::super::debian::output;
use super::super::machine::Machine;
use super::super::migrations;
use super::super::repository::{self, Repository};
use super::super::system_disk::SystemDisk;
use super::Kind;
use super::root::Workshop;

/// Ten times what the longest start takes on a quiet machine, an update within it: others are busy.
const PATIENCE: Duration = Duration::from_secs(900);

/// The first release, in set A.
const FIRST: &str = "1.0.0";

/// A host from the factory, and where its updates come from.
#[derive(Debug)]
pub(super) struct Host<'a> {
    workshop: Workshop<'a>,
    folder: PathBuf,
    programs: PathBuf,
    /// Its disk.
    pub(super) disk: SystemDisk,
    repository: Repository,
}

impl<'a> Host<'a> {
    /// A host of this kind.
    ///
    /// # Errors
    ///
    /// Fails if a program is not built, or something cannot be made.
    pub(super) fn new(places: &'a Places, kind: Kind) -> Result<Self, Failure> {
        let (folder, programs) = (places.folder.clone(), places.target.join("release"));
        make_anew(&folder)?;
        let root = repository::init(&folder.join("empty"), &programs)?;
        let repository = Repository::new(&folder.join("empty"), &programs, &folder.join("repo"))?;
        let workshop = Workshop::new(places, kind, &root)?;
        let disk = SystemDisk::at(workshop.disk(&workshop.release(FIRST, None)?)?);
        Ok(Self { workshop, folder, programs, disk, repository })
    }

    /// Publishes a release, with more files from a folder of `fixtures/host/agent` if one is named.
    ///
    /// # Errors
    ///
    /// Fails if image-builder or repo-tools does.
    pub(super) fn publish(&self, version: &str, more: Option<&str>) -> Result<(), Failure> {
        self.repository.add(&self.workshop.release(version, more)?, None)
    }

    /// Publishes a release with settings of other names.
    ///
    /// # Errors
    ///
    /// As [`Host::publish`], and if the migrations are not built.
    pub(super) fn publish_with_settings(&self, version: &str) -> Result<(), Failure> {
        let folder = self.folder.join("migrations");
        migrations::gather(&folder, &self.programs, version, &["hostname", "registry-mirror"])?;
        self.repository.add(&self.workshop.release(version, None)?, Some(&folder))
    }

    /// How many requests for anything of a release there were so far. The manifest is looked at with the metadata.
    pub(super) fn images_asked_for(&self) -> usize {
        let targets = self.repository.server.requests("/targets/");
        targets.iter().filter(|request| !request.path.ends_with("manifest.json")).count()
    }

    /// The machine, with the clock of this computer.
    pub(super) fn machine(&self) -> Machine {
        let machine = Machine::new(&self.folder, self.disk.path()).memory(768);
        let machine = machine.network(self.repository.server.port()).patience(PATIENCE);
        machine.with(&["-smp", "2"])
    }

    /// The machine, whose clock says tomorrow this time when it starts (`02:30:00`).
    ///
    /// # Errors
    ///
    /// Fails if `date` does.
    pub(super) fn machine_at(&self, time: &str) -> Result<Machine, Failure> {
        let mut date = Command::new("date");
        let date = output(date.args(["--utc", "--date=tomorrow", "+%F"]))?;
        Ok(self.machine().with(&["-rtc", &format!("base={}T{time}", date.trim())]))
    }
}

/// The guest's clock when it said this first (`02:30:00`).
///
/// # Errors
///
/// Fails if it never did.
pub(super) fn clock_at(said: &Said, text: &str) -> Result<String, Failure> {
    let told = said.0.iter().filter_map(|(_, line)| line.split_once("guest: "));
    let time = told.map(|(_, told)| told).find(|told| told.contains(text));
    let time = time.and_then(|told| told.split_once(' ')).map(|(time, _)| time.to_owned());
    time.ok_or_else(|| Failure::new(&format!("the guest never said {text:?}:\n{said}")))
}
