//! What the TUF conformance suite looks at, with python-tuf as the author: its scenarios written anew from its
//! description, and run against the same program.
//!
//! `scenarios.py` writes what a server has at each step and what a client is to do with it; here the steps are taken.
#![allow(clippy::unwrap_used, clippy::panic)]

mod server;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

use crate::server::Server;

/// The most scenarios that may be missing before the author counts as broken.
const AT_LEAST: usize = 145;

fn python() -> PathBuf {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/venv/bin/python3");
    let python = std::env::var_os("WAYSTONE_PYTHON").map_or(ours, PathBuf::from);
    assert!(
        python.exists(),
        "there is no {}: run 'cargo xtask setup', or set WAYSTONE_PYTHON to a Python with python-tuf",
        python.display()
    );
    python
}

fn write_scenarios(folder: &Path) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/scenarios.py");
    let mut command = Command::new(python());
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(script).arg(folder);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_scenario_ends_as_the_specification_says() {
    let folder = tempfile::tempdir().unwrap();
    let scenarios = folder.path().join("scenarios");
    write_scenarios(&scenarios);
    let mut names: Vec<_> =
        fs::read_dir(&scenarios).unwrap().map(|it| it.unwrap().path()).collect();
    names.sort();
    assert!(names.len() >= AT_LEAST, "only {} scenarios", names.len());
    let failed = run_all(&names);
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), names.len(), failed.join("\n"));
}

/// The suite sets the clock from outside, with faketime; this program has to read the one that is set.
#[test]
fn a_clock_that_faketime_sets_is_the_one_that_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let scenarios = folder.path().join("scenarios");
    write_scenarios(&scenarios);
    let scenario = scenarios.join("basic%20requests%20and%20bytes");
    let scenario = Scenario::new(&scenario);
    scenario.client(&["init", scenario.folder.join("root.json").to_str().unwrap()], &[]);
    scenario.server.serve(&scenario.folder.join("0"));
    let refresh = |time| scenario.refresh_at(time).status.code();
    assert_eq!(refresh("2026-11-20 00:00:00+00:00"), Some(0));
    assert_eq!(refresh("2026-12-28 01:02:03.456789+00:00"), Some(1));
}

/// What failed. Most of the time goes into waiting for the disk, so several run at once.
fn run_all(names: &[PathBuf]) -> Vec<String> {
    thread::scope(|scope| {
        let run = |part: &[PathBuf]| -> Vec<String> {
            part.iter().filter_map(|path| Scenario::new(path).run().err()).collect()
        };
        let parts: Vec<_> =
            names.chunks(names.len() / 8 + 1).map(|part| scope.spawn(move || run(part))).collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    })
}

/// One client and its server.
struct Scenario<'a> {
    folder: &'a Path,
    state: TempDir,
    server: Server,
}

impl<'a> Scenario<'a> {
    fn new(folder: &'a Path) -> Self {
        Self { folder, state: tempfile::tempdir().unwrap(), server: Server::start() }
    }

    fn metadata(&self) -> PathBuf {
        self.state.path().join("metadata")
    }

    fn targets(&self) -> PathBuf {
        self.state.path().join("targets")
    }

    fn run(&self) -> Result<(), String> {
        let name = self.folder.file_name().unwrap().to_string_lossy().into_owned();
        // It may refuse a root that is none; then there is nothing to refresh with, which is looked at below.
        self.client(&["init", self.folder.join("root.json").to_str().unwrap()], &[]);
        let steps = fs::read(self.folder.join("steps.json")).unwrap();
        let steps: Vec<Value> = serde_json::from_slice(&steps).unwrap();
        for (number, step) in steps.iter().enumerate() {
            self.server.serve(&self.folder.join(number.to_string()));
            self.step(number, step).map_err(|what| format!("{name}, step {number}: {what}"))?;
        }
        Ok(())
    }

    fn client(&self, command: &[&str], options: &[&str]) -> Output {
        let mut client = Command::new(env!("CARGO_BIN_EXE_tuf-client"));
        client.arg("--metadata-dir").arg(self.metadata()).args(options).args(command);
        client.output().unwrap()
    }

    /// A refresh under another clock; its own option for the time is not used.
    fn refresh_at(&self, time: &str) -> Output {
        let mut client = Command::new("faketime");
        client.arg(time).arg(env!("CARGO_BIN_EXE_tuf-client"));
        client.arg("--metadata-dir").arg(self.metadata());
        client.args(["--metadata-url", &self.server.url("metadata"), "refresh"]);
        client.output().expect("the package faketime is installed by 'cargo xtask setup'")
    }

    fn step(&self, number: usize, step: &Value) -> Result<(), String> {
        let (metadata, base) = (self.server.url("metadata"), self.server.url("targets"));
        let targets = self.targets();
        let mut options =
            vec!["--metadata-url", &metadata, "--time", step["time"].as_str().unwrap()];
        let run = step["run"].as_array().unwrap();
        if let Some(name) = run.get(1) {
            options.extend(["--target-name", name.as_str().unwrap(), "--target-base-url", &base]);
            options.extend(["--target-dir", targets.to_str().unwrap()]);
        }
        let output = self.client(&[run[0].as_str().unwrap()], &options);
        let said = String::from_utf8_lossy(&output.stderr);
        let code = if step["ok"].as_bool().unwrap() { 0 } else { 1 };
        same("exit code", &output.status.code(), &Some(code)).map_err(|what| what + &said)?;
        let requests = self.server.requests();
        self.check_requests(step, &requests)?;
        self.check_stored(number, step)?;
        self.check_targets(step, &requests)
    }

    /// All metadata files that were asked for, or those of delegated roles, which come after the four of a refresh.
    fn check_requests(&self, step: &Value, requests: &[String]) -> Result<(), String> {
        let prefix = "/metadata/";
        let asked: Vec<&str> =
            requests.iter().filter_map(|path| path.strip_prefix(prefix)).collect();
        if let Some(expected) = strings(&step["requests"]) {
            same("requests", &asked, &expected)?;
        }
        if let Some(expected) = strings(&step["delegated"]) {
            let top = |name: &str| {
                ["root.json", "timestamp.json", "snapshot.json", "targets.json"].iter().any(
                    |role| {
                        name == *role || name.split_once('.').is_some_and(|(_, rest)| rest == *role)
                    },
                )
            };
            let below: Vec<&str> = asked.into_iter().filter(|name| !top(name)).collect();
            same("requests for delegated roles", &below, &expected)?;
        }
        Ok(())
    }

    fn check_stored(&self, number: usize, step: &Value) -> Result<(), String> {
        let stored = |role: &str| fs::read(self.metadata().join(format!("{role}.json"))).ok();
        let version = |bytes: Vec<u8>| {
            let value: Value = serde_json::from_slice(&bytes).ok()?;
            value["signed"]["version"].as_u64()
        };
        if let Some(expected) = step["trusted"].as_object() {
            for role in ["root", "timestamp", "snapshot", "targets"] {
                let expected = expected.get(role).and_then(Value::as_u64);
                same(role, &stored(role).and_then(version), &expected)?;
            }
        }
        let served = |role: &str| {
            let folder = self.folder.join(number.to_string()).join("metadata");
            let prefix = stored(role).and_then(version).map(|version| format!("{version}."));
            let prefix = prefix.filter(|_| role != "timestamp").unwrap_or_default();
            fs::read(folder.join(format!("{prefix}{role}.json"))).ok()
        };
        let roles = match &step["same"] {
            Value::Bool(true) => vec!["root", "timestamp", "snapshot", "targets"],
            some => strings(some).unwrap_or_default(),
        };
        for role in roles {
            same(&format!("bytes of {role}"), &stored(role), &served(role))?;
        }
        match step["stored"].as_u64() {
            None => Ok(()),
            Some(expected) => {
                let files = fs::read_dir(self.metadata()).unwrap().count();
                same("stored files", &u64::try_from(files).unwrap(), &expected)
            }
        }
    }

    fn check_targets(&self, step: &Value, requests: &[String]) -> Result<(), String> {
        if let Some(expected) = strings(&step["files"]) {
            let asked: Vec<&str> =
                requests.iter().filter_map(|it| it.strip_prefix("/targets/")).collect();
            same("requests for targets", &asked, &expected)?;
        }
        if let Some(expected) = step["fetched"].as_u64() {
            let asked = requests.iter().filter(|it| it.starts_with("/targets/")).count();
            same("number of requests for targets", &u64::try_from(asked).unwrap(), &expected)?;
        }
        let Some(expected) = strings(&step["targets"]) else { return Ok(()) };
        let mut found = BTreeMap::new();
        for entry in fs::read_dir(self.targets()).into_iter().flatten() {
            let path = entry.unwrap().path();
            found.insert(path.clone(), fs::read_to_string(&path).unwrap());
        }
        let mut found: Vec<&str> = found.values().map(String::as_str).collect();
        found.sort_unstable();
        same("targets", &found, &expected)
    }
}

fn strings(value: &Value) -> Option<Vec<&str>> {
    Some(value.as_array()?.iter().map(|it| it.as_str().unwrap()).collect())
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what}: {found:?} in place of {expected:?}; "))
}
