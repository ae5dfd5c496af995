//! A small host: the tiny system in a machine with firmware, a network that leads to a repository, and steps to take.

use std::cell::Cell;
use std::time::Duration;

use gptprio::{BootBits, SetId, Sets, choose};

use super::case::{Failure, ensure};
use super::console::Said;
use super::failing::Failing;
use super::machine::Machine;
use super::migrations;
use super::release::{Flavour, Release};
use super::repository::Repository;
use super::system::{FIRST, SystemBench};
use super::system_disk::SystemDisk;

/// Some fifteen times what a boot with an update takes on a quiet machine: others are busy.
pub(super) const PATIENCE: Duration = Duration::from_secs(900);

/// A disk that is booted again and again.
#[derive(Debug)]
pub(super) struct Host<'a> {
    bench: &'a SystemBench,
    /// Its disk: the first release in set A, set B empty, as from the factory.
    pub(super) disk: SystemDisk,
    repository: Option<Repository>,
    boots: Cell<u32>,
}

impl<'a> Host<'a> {
    /// A host without a network.
    pub(super) fn new(bench: &'a SystemBench) -> Result<Self, Failure> {
        bench.needs_selector()?;
        Ok(Self { bench, disk: bench.disk()?, repository: None, boots: Cell::new(0) })
    }

    /// A host that reaches a repository with these releases.
    pub(super) fn with_releases(
        bench: &'a SystemBench,
        releases: &[(&str, Flavour)],
    ) -> Result<Self, Failure> {
        let mut host = Self::new(bench)?;
        host.repository = Some(bench.repository()?);
        releases.iter().try_for_each(|(version, flavour)| host.publish(version, *flavour))?;
        Ok(host)
    }

    /// Publishes a release in the host's repository, if it has one.
    pub(super) fn publish(&self, version: &str, flavour: Flavour) -> Result<(), Failure> {
        let release = self.release(version, flavour)?;
        self.repository.iter().try_for_each(|repository| repository.add(&release, None))
    }

    /// Publishes a release with migrations from the first one, by the names of their programs.
    pub(super) fn publish_carrying(
        &self,
        version: &str,
        flavour: Flavour,
        programs: &[&str],
    ) -> Result<(), Failure> {
        let release = self.release(version, flavour)?;
        let folder = self.bench.folder.join("migrations");
        migrations::gather(&folder, &self.bench.system.programs, version, programs)?;
        let add = |repository: &Repository| repository.add(&release, Some(&folder));
        self.repository.iter().try_for_each(add)
    }

    /// A release of the system.
    pub(super) fn release(&self, version: &str, flavour: Flavour) -> Result<Release, Failure> {
        self.bench.system.release(version, flavour)
    }

    /// Puts a release into set B by hand, with these bits for both sets.
    pub(super) fn install(
        &self,
        version: &str,
        flavour: Flavour,
        (a, b): (BootBits, BootBits),
    ) -> Result<(), Failure> {
        self.disk.fill(SetId::B, &self.release(version, flavour)?)?;
        self.disk.store(Sets { a, b: Some(b) })
    }

    /// Boots, takes steps, and waits until the machine switches itself off or restarts.
    pub(super) fn boot(&self, steps: &[&str]) -> Result<Said, Failure> {
        self.machine(steps).run(&self.next_boot())
    }

    /// Boots, and ends the machine as soon as one of these is said, as a power cut does.
    pub(super) fn boot_until(&self, steps: &[&str], until: &[&str]) -> Result<Said, Failure> {
        self.machine(steps).boot(&self.next_boot(), until)
    }

    /// Boots with a disk that fails, and waits as [`Host::boot`] does.
    pub(super) fn boot_failing(&self, failing: Failing, steps: &[&str]) -> Result<Said, Failure> {
        self.machine(steps).failing(failing).run(&self.next_boot())
    }

    /// The disk has a table, some set boots next, and each set that can boot holds all of its release: set A the first one, set B
    /// 1.1.0. Gives what boots next.
    pub(super) fn is_whole(&self) -> Result<SetId, Failure> {
        let sets = self.disk.sets()?;
        for (set, version) in [(SetId::A, FIRST), (SetId::B, "1.1.0")] {
            let can_boot = sets.bits(set).is_some_and(|bits| bits.is_bootable());
            let release = self.release(version, Flavour::Good)?;
            ensure(!can_boot || self.disk.holds(set, &release)?, || {
                format!("set {set} can boot and is not whole: {sets:?}")
            })?;
        }
        let next = choose(&sets).map(|choice| choice.set);
        next.ok_or_else(|| Failure::new(&format!("nothing boots: {sets:?}")))
    }

    /// The machine.
    pub(super) fn machine(&self, steps: &[&str]) -> Machine {
        // Memory enough for firmware to hold a whole boot image twice.
        let machine = Machine::new(&self.bench.folder, self.disk.path()).memory(512);
        let machine = machine.patience(PATIENCE);
        let machine = match &self.repository {
            Some(repository) => machine.network(repository.server.port()),
            None => machine,
        };
        if steps.is_empty() { machine } else { machine.order("steps", &steps.join("\n")) }
    }

    /// The name of the next boot: they are counted.
    pub(super) fn next_boot(&self) -> String {
        self.boots.set(self.boots.get() + 1);
        self.boots.get().to_string()
    }
}
