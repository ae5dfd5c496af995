//! The disk: its table, its sets, and what an update would make of them.

use gptprio::{Refusal, SetId, State, Tries};
use semver::Version;

use super::Finding;

const TABLE: &str = "table";
const SETS: &str = "sets";
const NEXT_BOOT: &str = "next-boot";
const RUNNING: &str = "running-set";
const RELEASE: &str = "release";

/// A copy of the partition table, by its name, and what is wrong with it.
pub struct Copy {
    /// `primary` or `backup`.
    pub name: &'static str,
    /// What is wrong, if anything.
    pub defect: Option<String>,
}

/// The newest release that this host may come to run.
pub struct Newest {
    /// Its version.
    pub version: Version,
    /// Whether the host runs it.
    pub running: bool,
    /// Why it cannot be installed here, if so.
    pub obstacle: Option<String>,
}

/// Both copies of the table.
pub fn table(copies: &[Copy]) -> Vec<Finding> {
    let bad = |copy: &Copy| {
        let text =
            format!("the {} copy of the partition table is {}", copy.name, copy.defect.as_ref()?);
        Some(Finding::warning(TABLE, text, "`signpost rewrite-table` makes both the same"))
    };
    let findings: Vec<_> = copies.iter().filter_map(bad).collect();
    if findings.is_empty() {
        return vec![Finding::ok(TABLE, "both copies of the partition table are whole")];
    }
    findings
}

/// Whether there is a set to update, and whether it could be made to boot.
pub fn sets(state: State, tries: Tries) -> Finding {
    if state.sets.bits(state.inactive()).is_none() {
        let text = format!("the disk has no set {} to update", state.inactive());
        return Finding::problem(SETS, text, "install the host from a disk image with two sets");
    }
    match activated(state, tries) {
        Ok(_) => Finding::ok(
            SETS,
            format!("set {} runs, and set {} can be updated", state.active, state.inactive()),
        ),
        Err(refusal) => {
            let text = format!("set {} cannot be updated: {refusal}", state.inactive());
            Finding::problem(SETS, text, refusal.advice().unwrap_or("see `signpost status`"))
        }
    }
}

/// What an update does to the bits.
fn activated(state: State, tries: Tries) -> Result<State, Refusal> {
    state.clear_inactive()?.mark_inactive_valid(tries)?.upgrade_to_inactive()
}

/// Whether the boot that runs was found good.
pub fn running(state: State) -> Finding {
    let active = state.active;
    match state.sets.bits(active) {
        Some(bits) if bits.is_proven() => {
            Finding::ok(RUNNING, format!("set {active}, which runs, is marked good"))
        }
        _ => {
            let text = format!("set {active}, which runs, is not marked good");
            Finding::warning(
                RUNNING,
                text,
                "see `updog status`, and run `updog health` if it has not run in this boot",
            )
        }
    }
}

/// What boots next.
pub fn next_boot(state: State) -> Finding {
    match gptprio::choose(&state.sets) {
        Some(choice) => Finding::ok(NEXT_BOOT, format!("set {} boots next: {choice}", choice.set)),
        None => {
            let next = "run `signpost status` and mend it before a restart";
            Finding::problem(NEXT_BOOT, "no set can boot", next)
        }
    }
}

/// Whether the newest release could be installed.
pub fn newest(newest: Option<&Newest>, set: SetId) -> Finding {
    let Some(Newest { version, running, obstacle }) = newest else {
        let next = "check metadata_base_url in the configuration, and VARIANT_ID in os-release";
        return Finding::warning(RELEASE, "the repository offers no release for this host", next);
    };
    match obstacle {
        Some(obstacle) => {
            let text = format!("{version} cannot be installed: {obstacle}");
            Finding::problem(RELEASE, text, "tell its publisher, who has to publish one that fits")
        }
        None if *running => Finding::ok(RELEASE, format!("{version} runs, the newest release")),
        None => Finding::ok(RELEASE, format!("{version}, the newest release, fits into set {set}")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use gptprio::{BootBits, Priority, Sets};

    use super::super::Severity::{Ok, Problem, Warning};
    use super::*;

    fn bits(priority: u8, tries: u8, successful: bool) -> BootBits {
        let (priority, tries) = (Priority::new(priority).unwrap(), Tries::new(tries).unwrap());
        BootBits { priority, tries, successful, ..BootBits::CLEAR }
    }

    fn state(a: BootBits, b: Option<BootBits>) -> State {
        State { sets: Sets { a, b }, active: SetId::A, ever_succeeded: true }
    }

    fn tries() -> Tries {
        Tries::new(1).unwrap()
    }

    #[test]
    fn a_fresh_disk_is_fine() {
        let state = state(bits(1, 0, true), Some(BootBits::CLEAR));
        let findings = [sets(state, tries()), running(state), next_boot(state)];
        assert!(findings.iter().all(|finding| finding.severity == Ok), "{findings:?}");
    }

    #[test]
    fn a_disk_with_one_set_has_nothing_to_update() {
        let finding = sets(state(bits(1, 0, true), None), tries());
        assert_eq!(
            (finding.severity, finding.text.as_str()),
            (Problem, "the disk has no set B to update")
        );
    }

    #[test]
    fn what_an_update_would_be_refused_for_is_told_before() {
        // The running set has spent its try and is not proven: the other one is the only way home.
        let state = state(bits(2, 0, false), Some(bits(1, 0, true)));
        let finding = sets(state, tries());
        assert_eq!(finding.severity, Problem, "{finding}");
        assert!(finding.text.contains("cannot be updated"), "{finding}");
        assert_eq!(running(state).severity, Warning);
    }

    #[test]
    fn a_disk_from_which_nothing_boots_is_a_problem() {
        let finding = next_boot(state(BootBits::CLEAR, Some(BootBits::CLEAR)));
        assert_eq!((finding.severity, finding.check), (Problem, "next-boot"));
    }

    #[test]
    fn each_bad_copy_of_the_table_is_named() {
        let copy = |name, defect: Option<&str>| Copy { name, defect: defect.map(str::to_owned) };
        assert_eq!(table(&[copy("primary", None), copy("backup", None)])[0].severity, Ok);
        let found = table(&[copy("primary", None), copy("backup", Some("bad: cut"))]);
        assert_eq!((found.len(), found[0].severity), (1, Warning));
        assert!(found[0].text.contains("backup") && found[0].text.contains("bad: cut"));
    }

    #[test]
    fn a_release_that_does_not_fit_is_a_problem() {
        let one = |running, obstacle: Option<&str>| {
            let version = Version::new(1, 1, 0);
            newest(
                Some(&Newest { version, running, obstacle: obstacle.map(str::to_owned) }),
                SetId::B,
            )
        };
        assert_eq!(one(false, Some("too large")).severity, Problem);
        assert!(one(false, None).text.contains("fits into set B"));
        assert!(one(true, None).text.contains("runs"));
        assert_eq!(newest(None, SetId::B).severity, Warning);
    }
}
