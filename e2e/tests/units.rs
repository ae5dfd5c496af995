//! The units of systemd that hosts get: systemd understands them, and thinks little of what they leave open.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The exposure that no unit of a host may exceed, from 0 (safe) to 100, as `systemd-analyze` counts.
const THRESHOLD: &str = "--threshold=30";

/// What every unit depends on, and what ours do.
const OTHERS: [&str; 10] = [
    "sysinit.target",
    "basic.target",
    "boot-complete.target",
    "shutdown.target",
    "umount.target",
    "local-fs-pre.target",
    "local-fs.target",
    "network-online.target",
    "sockets.target",
    "timers.target",
];

/// Kinds of units that we have.
const KINDS: [&str; 3] = ["service", "socket", "timer"];

/// What health waits for; who waits for health must not hold these up.
const AWAITED: [&str; 2] = ["multi-user.target", "graphical.target"];

/// What says that health has decided.
const DECIDED: [&str; 2] = ["updog-health.service", "boot-complete.target"];

/// The folder of what every host gets.
const SHIPPED: &str = "dist/units";

/// The units below a folder of the project.
fn units(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(&project().join(folder), &mut found);
    found.sort();
    found
}

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The values of a unit's setting, one word each.
fn words(unit: &str, setting: &str) -> Vec<String> {
    let values = unit.lines().filter_map(|line| line.strip_prefix(setting)?.strip_prefix('='));
    values.flat_map(str::split_whitespace).map(ToOwned::to_owned).collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.is_symlink() {
            // It only says who wants the unit.
        } else if path.extension().is_some_and(|kind| KINDS.iter().any(|it| kind == *it)) {
            found.push(path);
        }
    }
}

/// `systemd-analyze` on some arguments.
fn analyze(arguments: &[&str], last: &Path) -> Output {
    let mut command = Command::new("systemd-analyze");
    command.args(arguments).arg("--no-pager").arg(last).env("LC_ALL", "C.UTF-8");
    command.output().expect("Debian's package systemd is there")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a line of a unit runs, without the first `/`.
fn program_line(line: &str) -> Option<&str> {
    ["ExecStart=/", "ExecReload=/"].iter().find_map(|setting| line.strip_prefix(setting))
}

/// A system with these units, their programs, and nothing that they need but by name.
fn system(units: &[PathBuf]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("usr/lib/systemd/system");
    fs::create_dir_all(&folder).unwrap();
    for name in OTHERS {
        fs::write(folder.join(name), format!("[Unit]\nDescription={name}\n")).unwrap();
    }
    for unit in units {
        fs::copy(unit, folder.join(unit.file_name().unwrap())).unwrap();
        let written = fs::read_to_string(unit).unwrap();
        for command in written.lines().filter_map(program_line) {
            let program = root.path().join(command.split(' ').next().unwrap());
            fs::create_dir_all(program.parent().unwrap()).unwrap();
            fs::copy("/bin/true", program).unwrap();
        }
    }
    root
}

#[test]
fn the_units_of_hosts_are_exposed_by_3_0_at_most() {
    let units = units(SHIPPED);
    let names: Vec<_> = units.iter().map(|unit| unit.file_name().unwrap()).collect();
    let expected = [
        "migrator.service",
        "updog-agent.service",
        "updog-health.service",
        "updog-metrics.socket",
        "updog-metrics@.service",
        "updog-round.service",
        "updog-round.timer",
        "updog-update.service",
    ];
    assert_eq!(names, expected);
    for unit in units.into_iter().filter(|unit| unit.extension().unwrap() == "service") {
        let seen = analyze(&["security", "--offline=true", THRESHOLD], &unit);
        assert!(seen.status.success(), "{}\n{}", text(&seen.stderr), text(&seen.stdout));
        assert!(text(&seen.stdout).contains("Overall exposure level"), "{}", text(&seen.stderr));
    }
}

#[test]
fn a_unit_without_a_sandbox_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("open.service");
    fs::write(&unit, "[Service]\nExecStart=/bin/true\n").unwrap();
    let seen = analyze(&["security", "--offline=true", THRESHOLD], &unit);
    assert!(!seen.status.success(), "{}", text(&seen.stdout));
}

#[test]
fn systemd_understands_every_line_of_every_unit() {
    let units = [units(SHIPPED), units("fixtures")].concat();
    assert!(units.len() > 10, "{units:?}");
    let root = system(&units);
    let option = format!("--root={}", root.path().display());
    for unit in &units {
        let name = unit.file_name().unwrap();
        let seen = analyze(&["verify", "--man=no", &option], Path::new(name));
        let said = text(&seen.stderr);
        assert!(seen.status.success() && said.is_empty(), "{}: {said}", unit.display());
    }
}

#[test]
fn a_boot_is_complete_only_when_health_says_so() {
    let health = fs::read_to_string(project().join(SHIPPED).join("updog-health.service")).unwrap();
    assert_eq!(words(&health, "RequiredBy"), ["boot-complete.target"]);
    assert!(words(&health, "Before").contains(&"boot-complete.target".to_owned()));
    let agent = fs::read_to_string(project().join(SHIPPED).join("updog-agent.service")).unwrap();
    for (setting, has) in [("After", true), ("Wants", true), ("Requires", false)] {
        let named = words(&agent, setting).contains(&"boot-complete.target".to_owned());
        assert_eq!(named, has, "{setting}");
    }
}

#[test]
fn what_health_waits_for_does_not_wait_for_health() {
    let mut waiting = 0;
    for unit in units(SHIPPED) {
        let text = fs::read_to_string(&unit).unwrap();
        if words(&text, "After").iter().any(|name| DECIDED.contains(&name.as_str())) {
            waiting += 1;
            let wanted = [words(&text, "WantedBy"), words(&text, "RequiredBy")].concat();
            let bad = wanted.iter().find(|name| AWAITED.contains(&name.as_str()));
            assert_eq!(bad, None, "{}", unit.display());
        }
    }
    assert!(waiting >= 3, "{waiting}");
}

#[test]
fn hosts_of_the_fixtures_have_units_enabled_as_these_say() {
    let folder = project().join("fixtures/host/root/usr/lib/systemd/system");
    for name in ["updog-health.service", "migrator.service"] {
        let text = fs::read_to_string(project().join(SHIPPED).join(name)).unwrap();
        for (setting, ending) in [("WantedBy", "wants"), ("RequiredBy", "requires")] {
            for target in words(&text, setting) {
                let link = folder.join(format!("{target}.{ending}")).join(name);
                assert_eq!(fs::read_link(link).unwrap(), Path::new("..").join(name));
            }
        }
    }
}
