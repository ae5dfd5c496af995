//! The program: exit codes, what goes where, the server.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;

use crate::world::{NOW, World};

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_repo-tools"))
}

fn run(arguments: &[&str]) -> Output {
    program().args(["--now", NOW]).args(arguments).output().unwrap()
}

#[track_caller]
fn code(output: &Output, expected: i32) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(expected), "{error}");
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Arguments of an authoring command.
struct Place {
    world: World,
    repo: String,
    keys: String,
}

impl Place {
    fn new() -> Self {
        let world = World::empty();
        let text = |name: &str| world.path(name).to_str().unwrap().to_owned();
        let place = Self { repo: text("repo"), keys: text("keys"), world };
        code(&run(&["init", "--repo", &place.repo, "--keys", &place.keys]), 0);
        place
    }

    fn author(&self, command: &[&str], more: &[&str]) -> Output {
        run(&[command, &["--repo", &self.repo, "--keys", &self.keys], more].concat())
    }

    fn add(&self, version: &str, more: &[&str]) -> Output {
        let parts = self.world.build(version);
        let more = [&["--parts", parts.to_str().unwrap()], more].concat();
        self.author(&["release", "add"], &more)
    }
}

#[test]
fn packs_are_made_unless_none_are_wanted() {
    let place = Place::new();
    code(&place.add("1.0.0", &[]), 0);
    code(&place.add("1.1.0", &["--pack-level", "20"]), 2);
    let tried = |version: &str, more: &[&str]| {
        let output = place.add(version, &[more, &["--json"]].concat());
        code(&output, 0);
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(json["packs"].as_array().unwrap().is_empty(), "these images have no trees");
        json["without_pack"].as_array().unwrap().len()
    };
    assert_eq!(tried("1.1.0", &["--packs", "0"]), 0);
    assert_eq!(tried("1.2.0", &["--packs", "1", "--pack-level", "3"]), 1);
    let work = place.world.path(".");
    assert_eq!(tried("1.3.0", &["--work", work.to_str().unwrap()]), 3);
    assert_eq!(tried("1.4.0", &[]), 3, "three of four");
}

#[test]
fn each_end_has_its_exit_code() {
    let place = Place::new();
    code(&place.add("1.0.0", &[]), 0);
    code(&place.add("1.0.0", &[]), 3);
    code(&run(&["init", "--repo", &place.repo, "--keys", &place.keys]), 4);
    code(&run(&["init"]), 2);
    code(&place.author(&["release", "withdraw"], &["9.9.9"]), 2);
    code(&place.author(&["init"], &["--threshold", "root=none"]), 2);
    code(&run(&["check", "--repo", "/nonexistent"]), 1);
    code(&run(&["check", "--repo", &place.repo]), 0);
    code(&run(&["check", "--repo", &place.repo, "--now", "2027-01-01T00:00:00Z"]), 4);
    let lock = fs::File::open(place.world.author.layout.metadata()).unwrap();
    lock.try_lock().unwrap();
    code(&place.add("1.1.0", &[]), 75);
}

#[test]
fn results_go_to_standard_output_and_errors_with_the_next_step_elsewhere() {
    let place = Place::new();
    let added = place.add("1.0.0", &["--json"]);
    assert_eq!(json(&added)["versions"]["timestamp"], 2);
    assert_eq!(json(&added)["outcome"], "done");
    assert!(added.stderr.is_empty());
    let again = run(&["init", "--repo", &place.repo, "--keys", &place.keys, "--json"]);
    assert!(again.stdout.is_empty());
    let error = String::from_utf8(again.stderr).unwrap();
    assert!(error.starts_with("repo-tools: ") && error.contains("\n  next: "), "{error}");
    let list = run(&["release", "list", "--json", "--repo", &place.repo]);
    assert_eq!(json(&list)["releases"][0]["version"], "1.0.0");
    let checked = run(&["check", "--json", "--repo", &place.repo]);
    assert_eq!(json(&checked)["targets"], 4);
    let text = run(&["release", "list", "--repo", &place.repo]);
    assert!(String::from_utf8(text.stdout).unwrap().contains("all hosts"));
}

#[test]
fn waves_are_explained() {
    let waves = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/waves/emergency.toml");
    let waves = waves.to_str().unwrap();
    let explain = ["waves", "explain", "--waves", waves, "--start", "2026-11-23T11:45:00Z"];
    let output = run(&[&explain[..], &["--seed", "204", "--json"]].concat());
    code(&output, 0);
    let explained = json(&output);
    assert_eq!(explained["seed"]["ready_at"], "2026-11-23T12:15:00Z");
    assert_eq!(explained["seed"]["ready"], false);
    assert_eq!(explained["ready_permille"], 50);
    let text = String::from_utf8(run(&[&explain[..], &["--seed", "204"]].concat()).stdout).unwrap();
    assert!(text.ends_with("seed 204 is not ready yet: 2026-11-23T12:15:00Z\n"), "{text}");
    code(&run(&[&explain[..], &["--seed", "2048"]].concat()), 2);
    code(&run(&["waves", "explain", "--waves", "/nonexistent", "--start", NOW, "--seed", "1"]), 1);
    code(&run(&["waves", "explain", "--waves", waves, "--start", "soon", "--seed", "1"]), 2);
}

#[test]
fn a_start_without_a_policy_holds_all_hosts_until_then() {
    let place = Place::new();
    let add = place.add("1.0.0", &["--start", "2027-01-01T00:00:00Z", "--json"]);
    code(&add, 0);
    let added = json(&add);
    assert_eq!(
        (&added["from"], &added["until"]),
        (&added["until"], &"2027-01-01T00:00:00Z".into())
    );
    let change = |more: &[&str]| place.author(&["release", "waves", "1.0.0"], more);
    code(&change(&["--start", "2027-01-01T00:00:00Z"]), 3);
    code(&change(&["--start", "2027-02-01T00:00:00Z"]), 0);
    code(&change(&["--start", "2027-02-01T00:00:00Z", "--at-once"]), 2);
    code(&change(&["--at-once"]), 0);
    code(&change(&[]), 2);
}

/// `repo-tools serve`, until this is dropped.
pub(crate) struct Served {
    child: Child,
    /// Held open: the server prints to it.
    _output: BufReader<ChildStdout>,
    url: String,
}

impl Served {
    pub(crate) fn start(repository: &Path) -> Self {
        let mut child = program()
            .args(["serve", "--repo"])
            .arg(repository)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut url = String::new();
        output.read_line(&mut url).unwrap();
        Self { child, _output: output, url: url.trim_end().to_owned() }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The answer to one request, head and body.
    fn answer(&self, path: &str, header: &str) -> String {
        let address = self.url.strip_prefix("http://").unwrap().trim_end_matches('/');
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}\r\n")
            .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn the_server_answers_ranges_and_does_not_leave_its_folder() {
    let world = World::published();
    let served = Served::start(&world.path("repo"));
    let whole = served.answer("/metadata/timestamp.json", "");
    assert!(whole.starts_with("HTTP/1.1 200") && whole.contains("last-modified:"), "{whole}");
    let range = served.answer("/metadata/timestamp.json", "Range: bytes=0-3\r\n");
    assert!(
        range.starts_with("HTTP/1.1 206") && range.contains("content-range: bytes 0-3/"),
        "{range}"
    );
    assert!(served.answer("/metadata/2.root.json", "").starts_with("HTTP/1.1 404"));
    for path in ["/../keys/root.pem", "/..%2fkeys/root.pem", "/metadata/..%2f..%2fkeys/root.pem"] {
        let answer = served.answer(path, "");
        assert!(
            answer.starts_with("HTTP/1.1 404") || answer.starts_with("HTTP/1.1 400"),
            "{answer}"
        );
    }
}

#[test]
fn a_port_that_is_taken_is_an_error() {
    let world = World::published();
    let served = Served::start(&world.path("repo"));
    let port = served.url().trim_end_matches('/').rsplit_once(':').unwrap().1.to_owned();
    let repo = world.path("repo");
    let output = run(&["serve", "--port", &port, "--repo", repo.to_str().unwrap()]);
    code(&output, 1);
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot listen on 127.0.0.1"));
}
