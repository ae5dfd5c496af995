//! Programs and devices: the migrator, the checks of a boot's health, the watchdog.

use std::path::{Path, PathBuf};

use super::Finding;

const MIGRATOR: &str = "migrator";
const HEALTH: &str = "health-checks";
const WATCHDOG: &str = "watchdog";

/// The program that carries settings, as far as it is needed.
pub struct Migrator<'a> {
    /// Whether the host has a data store.
    pub store: bool,
    /// Where the program is.
    pub program: &'a Path,
    /// Whether it can be run.
    pub runs: bool,
    /// Whether an update tries the settings out.
    pub rehearse: bool,
}

/// Whether settings can be carried to another version.
pub fn migrator(migrator: &Migrator<'_>) -> Finding {
    let program = migrator.program.display();
    let text = format!("{program} cannot be run, and this host has settings");
    match (migrator.store, migrator.runs, migrator.rehearse) {
        (false, ..) => Finding::ok(MIGRATOR, "this host has no settings to carry"),
        (_, true, _) => Finding::ok(MIGRATOR, format!("{program} carries the settings")),
        (_, _, true) => Finding::problem(
            MIGRATOR,
            text,
            "install migrator, or name it as program under [migrations]",
        ),
        _ => Finding::warning(
            MIGRATOR,
            text,
            "see that the newer release has it, or its settings are not carried",
        ),
    }
}

/// Whether the checks of a boot can be run: one that cannot fails every boot of a new set.
pub fn health(checks: usize, unusable: &[PathBuf]) -> Vec<Finding> {
    if unusable.is_empty() {
        return vec![Finding::ok(HEALTH, format!("{checks} checks can be run"))];
    }
    let finding = |path: &PathBuf| {
        let text = format!("{} cannot be run, so that no boot would be good", path.display());
        Finding::problem(HEALTH, text, "make it executable (chmod +x), or take it away")
    };
    unusable.iter().map(finding).collect()
}

/// Whether something ends a boot that hangs. `found`: whether the device is there.
pub fn watchdog(device: Option<&Path>, found: bool) -> Finding {
    match device {
        None => Finding::ok(WATCHDOG, "none is to be used"),
        Some(device) if found => Finding::ok(WATCHDOG, format!("{} is there", device.display())),
        Some(device) => {
            let text = format!("there is no {}: a boot that hangs is not ended", device.display());
            Finding::warning(
                WATCHDOG,
                text,
                "load the machine's driver or softdog, or say watchdog = \"none\"",
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Severity::{Ok, Problem, Warning};
    use super::*;

    #[test]
    fn a_migrator_is_needed_where_there_are_settings() {
        let judged = |store, runs, rehearse| {
            migrator(&Migrator { store, program: Path::new("/m"), runs, rehearse }).severity
        };
        assert_eq!(judged(false, false, true), Ok);
        assert_eq!(judged(true, true, true), Ok);
        assert_eq!(judged(true, false, true), Problem);
        assert_eq!(judged(true, false, false), Warning);
    }

    #[test]
    fn each_check_that_cannot_be_run_is_named() {
        assert_eq!(health(3, &[])[0].severity, Ok);
        let found = health(3, &[PathBuf::from("/etc/x"), PathBuf::from("/etc/y")]);
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|one| one.severity == Problem));
        assert!(found[1].text.contains("/etc/y"));
    }

    #[test]
    fn a_watchdog_that_is_wanted_and_missing_is_a_warning() {
        assert_eq!(watchdog(None, false).severity, Ok);
        assert_eq!(watchdog(Some(Path::new("/dev/watchdog")), true).severity, Ok);
        assert_eq!(watchdog(Some(Path::new("/dev/watchdog")), false).severity, Warning);
    }
}
