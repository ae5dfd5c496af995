//! Whole repositories with a few values changed: our verdict is that of python-tuf's client, which a child process asks.
//!
//! The values in which the two differ on purpose (docs/threats.md) are not changed here.
#![no_main]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{LazyLock, Mutex};

use bytes::Bytes;
use fuzz::tuf::mutated::{self, NAME};
use serde_json::{Value, json};
use trust::{Known, RootPhase, Search, Step};

/// Where our verdict and python-tuf's are meant to differ, or a time that they read otherwise may come to stand.
const EXPLAINED: [&str; 6] =
    ["keys", "consistent_snapshot", "terminating", "hashes", "x-waystone-signed", "expires"];

const ROLES: [&str; 6] = ["root", "timestamp", "snapshot", "targets", "x", "y"];

/// python-tuf, which lives as long as we do.
struct Judge {
    _child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

static JUDGE: LazyLock<Mutex<Judge>> = LazyLock::new(|| Mutex::new(Judge::start()));

fn python() -> PathBuf {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/venv/bin/python3");
    std::env::var_os("WAYSTONE_PYTHON").map_or(ours, PathBuf::from)
}

impl Judge {
    fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/tuf/judge.py");
        let mut child = Command::new(python())
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("run 'cargo xtask setup', or set WAYSTONE_PYTHON");
        let questions = child.stdin.take().expect("it is piped");
        let answers = BufReader::new(child.stdout.take().expect("it is piped"));
        Self { _child: child, questions, answers }
    }

    fn ask(&mut self, files: &[Bytes; 6]) -> String {
        let question: serde_json::Map<_, _> = ROLES
            .iter()
            .zip(files)
            .map(|(role, file)| (role.to_string(), json!(hex::encode(file))))
            .collect();
        writeln!(self.questions, "{}", Value::from(question)).expect("the judge listens");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the judge answers");
        assert!(answer.ends_with('\n'), "the judge is gone");
        answer.trim_end().to_owned()
    }
}

/// Puts back the values in which we differ on purpose, and what became `true`, which is a number to Python.
fn keep(contents: &mut [Value; 6]) {
    for (changed, good) in contents.iter_mut().zip(mutated::contents()) {
        restore(changed, &good);
    }
}

/// Whether a value of a delegation is of the type that we hold it to, and python-tuf does not, or the other way round.
fn is_typed(name: &str, value: &Value) -> bool {
    let strings = || value.as_array().filter(|items| items.iter().all(Value::is_string));
    match name {
        "name" => value.is_string(),
        "paths" => strings().is_some(),
        "keyids" => strings()
            .is_some_and(|ids| ids.iter().enumerate().all(|(at, id)| !ids[..at].contains(id))),
        _ => true,
    }
}

fn restore(changed: &mut Value, good: &Value) {
    match (changed, good) {
        (Value::Object(changed), Value::Object(good)) => {
            for (name, good) in good {
                if EXPLAINED.contains(&name.as_str()) {
                    changed.insert(name.clone(), good.clone());
                } else if let Some(changed) = changed.get_mut(name) {
                    restore(changed, good);
                    if !is_typed(name, changed) {
                        *changed = good.clone();
                    }
                }
            }
        }
        (Value::Array(changed), Value::Array(good)) => {
            changed.iter_mut().zip(good).for_each(|(changed, good)| restore(changed, good));
        }
        (changed @ Value::Bool(_), good) => *changed = good.clone(),
        _ => {}
    }
}

/// Whether the target is there.
fn ours([root, timestamp, snapshot, targets, x, y]: [Bytes; 6]) -> trust::Result<bool> {
    let nothing = Known::nothing();
    let now = "2026-06-01T00:00:00Z".parse().expect("a time");
    let timestamp = RootPhase::start(root)?.settle(now)?.accept(&nothing, timestamp)?;
    let repository = timestamp.accept(&nothing, snapshot)?.accept(targets)?;
    let mut search = Search::new(&repository, NAME, 32)?;
    loop {
        match search.step()? {
            Step::Done(found) => return Ok(found.is_some()),
            Step::Load { role, .. } => {
                search.accept(if role == "x" { x.clone() } else { y.clone() })?
            }
        }
    }
}

fuzz::target!(|input| {
    let files = mutated::files(input, keep);
    let theirs = JUDGE.lock().expect("nothing panicked").ask(&files);
    let ours = ours(files.clone());
    let agreed = match &ours {
        Ok(true) => theirs == "found",
        Ok(false) => theirs == "absent",
        Err(_) => theirs.starts_with("refused"),
    };
    let changed =
        files.iter().zip(mutated::files(&[], |_| ())).filter(|(file, good)| *file != good);
    let shown: Vec<_> = changed.map(|(file, _)| String::from_utf8_lossy(file)).collect();
    assert!(agreed, "ours {ours:?}, theirs {theirs}: {shown:#?}");
});
