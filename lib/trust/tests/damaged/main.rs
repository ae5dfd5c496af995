//! A corpus of damaged metadata: every value of every role removed, doubled, of another type, huge, negative, deep, no
//! UTF-8, and signed again. Nothing panics, and our verdict is python-tuf's, but for the differences that are explained here.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use serde::Deserialize;
use trust::{Known, Result, RootPhase, Search, Step};

/// One damaged repository, and what python-tuf thinks of it.
#[derive(Deserialize)]
struct Case {
    name: String,
    files: BTreeMap<String, String>,
    accepted: bool,
    reason: String,
}

impl Case {
    fn file(&self, role: &str) -> Bytes {
        hex::decode(&self.files[role]).unwrap().into()
    }

    /// Goes through the roles, finds the target and compares its contents; nothing is said of a target that is not there.
    fn ours(&self) -> Result<bool> {
        let nothing = Known::nothing();
        let mut root = RootPhase::start(self.file("first"))?;
        root.advance(self.file("root"))?;
        let timestamp = root.settle("2026-11-20T00:00:00Z".parse().unwrap())?;
        let snapshot = timestamp.accept(&nothing, self.file("timestamp"))?.not_before_signed()?;
        let targets = snapshot.accept(&nothing, self.file("snapshot"))?;
        let repository = targets.accept(self.file("targets"))?;
        let mut search = Search::new(&repository, "a/file", 8)?;
        loop {
            match search.step()? {
                Step::Done(None) => return Ok(false),
                Step::Done(Some(target)) => return target.check(b"contents").map(|_| true),
                Step::Load { role, .. } if role == "a" => search.accept(self.file("a"))?,
                Step::Load { .. } => return Ok(false),
            }
        }
    }
}

fn python() -> PathBuf {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/venv/bin/python3");
    std::env::var_os("WAYSTONE_PYTHON").map_or(ours, PathBuf::from)
}

fn cases() -> Vec<Case> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cases");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/damaged/author.py");
    let mut command = Command::new(python());
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(script).arg(&file);
    let output = command.output().expect("run 'cargo xtask setup', or set WAYSTONE_PYTHON");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = fs::read_to_string(&file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Where we differ on purpose, as docs/threats.md explains.
fn explained(case: &Case, ours: bool) -> bool {
    let (place, damage) = case.name.split_once(' ').unwrap();
    let (place, damage) = match damage.split_once(' ') {
        Some((inner, damage)) if inner.starts_with('/') => (inner, damage),
        _ => (place, damage),
    };
    let key =
        case.name.starts_with("root /keys/") || case.name.starts_with("targets /delegations/keys/");
    if ours {
        (key && !case.reason.contains("Unsigned"))
            || (place == "/expires" && damage == "other time")
            || (place == "/targets/top/hashes" && damage.starts_with("object"))
    } else {
        matches!(damage, "doubled" | "65 bits" | "deep" | "true")
            || matches!(place, "/consistent_snapshot" | "/delegations/roles/0/terminating")
            || place.contains("/hashes/sha")
    }
}

#[test]
fn damaged_metadata_are_judged_as_python_tuf_judges_them() {
    let cases = cases();
    assert!(cases.len() > 3000, "only {} cases", cases.len());
    assert!(cases[0].accepted && matches!(cases[0].ours(), Ok(true)), "the undamaged one");
    let mut differences = Vec::new();
    for case in &cases {
        let ours = case.ours();
        let accepted = matches!(ours, Ok(true));
        if accepted != case.accepted && !explained(case, accepted) {
            differences.push(format!(
                "{}: ours {ours:?}, python-tuf {} {}",
                case.name, case.accepted, case.reason
            ));
        }
    }
    assert!(
        differences.is_empty(),
        "{} of {}:\n{}",
        differences.len(),
        cases.len(),
        differences.join("\n")
    );
}
