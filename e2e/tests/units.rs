//! The units of systemd that hosts get: systemd understands them, and thinks little of what they leave open.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The exposure that no unit of a host may exceed, from 0 (safe) to 100, as `systemd-analyze` counts.
const THRESHOLD: &str = "--threshold=30";

/// What every unit depends on, and what ours do.
const OTHERS: [&str; 7] = [
    "sysinit.target",
    "basic.target",
    "shutdown.target",
    "umount.target",
    "local-fs-pre.target",
    "local-fs.target",
    "network-online.target",
];

/// The services below a folder of the fixtures.
fn services(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    collect(&fixtures.join(folder), &mut found);
    found.sort();
    found
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.is_symlink() {
            // It only says who wants the unit.
        } else if path.extension().is_some_and(|extension| extension == "service") {
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
        for command in written.lines().filter_map(|line| line.strip_prefix("ExecStart=/")) {
            let program = root.path().join(command.split(' ').next().unwrap());
            fs::create_dir_all(program.parent().unwrap()).unwrap();
            fs::copy("/bin/true", program).unwrap();
        }
    }
    root
}

#[test]
fn the_units_of_hosts_are_exposed_by_3_0_at_most() {
    let units = services("host/root");
    let names: Vec<_> = units.iter().map(|unit| unit.file_name().unwrap()).collect();
    assert_eq!(names, ["migrator.service", "updog-health.service", "updog-update.service"]);
    for unit in units {
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
    let units = services("");
    assert!(units.len() > 4, "{units:?}");
    let root = system(&units);
    let option = format!("--root={}", root.path().display());
    for unit in &units {
        let name = unit.file_name().unwrap();
        let seen = analyze(&["verify", "--man=no", &option], Path::new(name));
        let said = text(&seen.stderr);
        assert!(seen.status.success() && said.is_empty(), "{}: {said}", unit.display());
    }
}
