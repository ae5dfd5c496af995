//! All cases, whatever they work with.

use std::path::Path;
use std::sync::OnceLock;

use super::case::{Bench, Case, Failure, Places};
use super::system::{System, SystemBench};
use super::{
    agent, bad_release, faults, health, initramfs, last_words, layout, power, secure_boot,
    selector, selinux, settings, update,
};

/// A case that can be tried by its name.
#[derive(Debug)]
pub struct Trial {
    /// What it is about: a name that stands for all cases of its group.
    pub group: &'static str,
    /// Its name on the command line.
    pub name: &'static str,
    /// What is to hold.
    pub holds: &'static str,
    run: Run,
}

/// With which bench it runs.
#[derive(Clone, Copy, Debug)]
enum Run {
    Selector(fn(&Bench) -> Result<(), Failure>),
    System(fn(&SystemBench) -> Result<(), Failure>),
    Debian(fn(&Places) -> Result<(), Failure>),
}

/// Tries a case on a bench.
type Try<B> = fn(&B) -> Result<(), Failure>;

/// The cases of the selector, group by group.
const SELECTOR: &[(&str, &[Case])] =
    &[("selector", selector::CASES), ("signatures", secure_boot::CASES)];

/// The cases of the tiny system, group by group.
const SYSTEM: &[(&str, &[Case<SystemBench>])] = &[
    ("initramfs", initramfs::CASES),
    ("update", update::CASES),
    ("bad-release", bad_release::CASES),
    ("health", health::CASES),
    ("health", last_words::CASES),
    ("settings", settings::CASES),
    ("power", power::CASES),
    ("faults", faults::CASES),
    ("layout", layout::CASES),
    ("signatures", secure_boot::SYSTEM_CASES),
];

/// The cases of a whole Debian, group by group.
const DEBIAN: &[(&str, &[Case<Places>])] = &[("agent", agent::CASES), ("selinux", selinux::CASES)];

/// Every case, in the order in which they are best tried.
#[must_use]
pub fn all() -> Vec<Trial> {
    let selector = trials(SELECTOR, Run::Selector);
    let system = trials(SYSTEM, Run::System);
    let debian = trials(DEBIAN, Run::Debian);
    selector.chain(system).chain(debian).collect()
}

fn trials<B>(
    groups: &'static [(&'static str, &'static [Case<B>])],
    with: fn(Try<B>) -> Run,
) -> impl Iterator<Item = Trial> {
    let cases =
        groups.iter().flat_map(|(group, cases)| cases.iter().map(move |case| (*group, case)));
    cases.map(move |(group, Case { name, holds, run })| Trial {
        group,
        name,
        holds,
        run: with(*run),
    })
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
            Run::Debian(run) => run(&Places { target: target.to_owned(), folder }),
            Run::System(run) => {
                let system = BUILT.get_or_init(|| System::build(target)).clone()?;
                run(&SystemBench::new(&system, &folder)?)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_name_stands_for_two_things() {
        let cases = all();
        let names: BTreeSet<&str> = cases.iter().map(|case| case.name).collect();
        assert_eq!(names.len(), cases.len());
        let both = cases.iter().find(|case| names.contains(case.group));
        assert!(both.is_none(), "{both:?}");
    }
}
