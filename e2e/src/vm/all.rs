//! All cases, whatever they work with.

use std::path::Path;
use std::sync::OnceLock;

use super::case::{Bench, Case, Failure};
use super::system::{System, SystemBench};
use super::{bad_release, health, initramfs, power, secure_boot, selector, selinux, update};

/// A case that can be tried by its name.
#[derive(Debug)]
pub struct Trial {
    /// Its name on the command line.
    pub name: &'static str,
    /// What is to hold.
    pub holds: &'static str,
    run: Run,
}

/// With which bench it runs.
#[derive(Debug)]
enum Run {
    Selector(fn(&Bench) -> Result<(), Failure>),
    System(fn(&SystemBench) -> Result<(), Failure>),
    Selinux(fn(&selinux::Places) -> Result<(), Failure>),
}

/// The cases of the selector, group by group.
const SELECTOR: &[&[Case]] = &[selector::CASES, secure_boot::CASES];

/// The cases of the tiny system, group by group.
const SYSTEM: &[&[Case<SystemBench>]] = &[
    initramfs::CASES,
    update::CASES,
    bad_release::CASES,
    health::CASES,
    power::CASES,
    secure_boot::SYSTEM_CASES,
];

/// Every case, in the order in which they are best tried.
#[must_use]
pub fn all() -> Vec<Trial> {
    let selector = SELECTOR
        .iter()
        .flat_map(|cases| *cases)
        .map(|Case { name, holds, run }| Trial { name, holds, run: Run::Selector(*run) });
    let system = SYSTEM.iter().flat_map(|cases| *cases).map(|Case { name, holds, run }| Trial {
        name,
        holds,
        run: Run::System(*run),
    });
    let selinux = selinux::CASES.iter().map(|Case { name, holds, run }| Trial {
        name,
        holds,
        run: Run::Selinux(*run),
    });
    selector.chain(system).chain(selinux).collect()
}

impl Trial {
    /// Tries it, with what was built in cargo's target folder; consoles are kept in `vm/NAME` there.
    ///
    /// # Errors
    ///
    /// Says what did not hold, or what is not built.
    pub fn run(&self, target: &Path) -> Result<(), Failure> {
        static BUILT: OnceLock<Result<System, Failure>> = OnceLock::new();
        let folder = target.join("vm").join(self.name);
        match self.run {
            Run::Selector(run) => {
                run(&Bench::new(&target.join("x86_64-unknown-uefi/selector"), &folder)?)
            }
            Run::Selinux(run) => run(&selinux::Places { target: target.to_owned(), folder }),
            Run::System(run) => {
                let system = BUILT.get_or_init(|| System::build(target)).clone()?;
                run(&SystemBench::new(&system, &folder)?)
            }
        }
    }
}
