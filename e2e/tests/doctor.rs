//! What `updog doctor` finds on a host on which everything is well, and on one on which something is not.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use e2e::hostile::Fault;
use e2e::programs::Finished;
use e2e::world::{NEW, World, write};
use serde_json::Value;

/// What keeps the tests off the machine that they run on.
const OWN: &str = "[health]\nwatchdog = 'none'\nchecks_dirs = ['health.d']\npstore_dirs = []\n\
    boot_id_path = 'boot-id'\ncommand_line_path = 'cmdline'\nefivars_dir = 'efivars'\n\
    [migrations]\ndatastore = 'datastore'\nprogram = 'no-migrator'\n";

fn world() -> World {
    let world = World::new();
    world.configure(OWN);
    world
}

fn doctor(world: &World, arguments: &[&str]) -> Finished {
    world.updog(&[&["--json", "doctor"], arguments].concat())
}

/// What was found of one check, as pairs of severity and text.
fn found(run: &Finished, check: &str) -> Vec<(String, String)> {
    let report: Value =
        serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr));
    let text = |finding: &Value, field: &str| finding[field].as_str().unwrap().to_owned();
    let findings = report["findings"].as_array().unwrap().iter();
    let of_check = findings.filter(|finding| finding["check"] == check);
    of_check.map(|finding| (text(finding, "severity"), text(finding, "text"))).collect()
}

fn is_problem(run: &Finished, check: &str, words: &str) {
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    let found = found(run, check);
    let one = found.iter().find(|(severity, _)| severity == "problem");
    assert!(one.is_some_and(|(_, text)| text.contains(words)), "{check}: {found:?}");
}

#[test]
fn a_host_on_which_all_is_well_has_no_problem_and_is_left_as_it_was() {
    let world = world();
    let (disk, config) = (fs::read(world.disk()).unwrap(), world.path("updog.toml"));
    let run = doctor(&world, &[]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    for check in [
        "configuration",
        "disk",
        "table",
        "sets",
        "running-set",
        "next-boot",
        "seed",
        "ledger",
        "repository",
        "expiry",
        "release",
        "clock",
        "state",
        "metadata",
        "migrations",
        "migrator",
        "health-checks",
        "watchdog",
    ] {
        let found = found(&run, check);
        assert!(
            !found.is_empty() && found.iter().all(|(severity, _)| severity != "problem"),
            "{check}: {found:?}"
        );
    }
    assert!(found(&run, "release")[0].1.starts_with(NEW));
    assert!(disk == fs::read(world.disk()).unwrap() && config.exists());
    assert!(!world.path("cache").exists() && !world.path("state").exists(), "nothing was kept");
    let text = world.updog(&["doctor"]).stdout;
    assert!(text.lines().any(|line| line.starts_with("ok       sets")), "{text}");
}

#[test]
fn a_repository_that_is_away_or_not_believed_is_a_problem_and_offline_it_is_not_asked() {
    let world = world();
    world.server.fault("timestamp.json", 100, Fault::Status(503));
    is_problem(&doctor(&world, &[]), "repository", "503");
    world.server.behave();
    let offline = doctor(&world, &["--offline"]);
    assert_eq!(offline.code, 0, "{}", offline.stdout);
    assert_eq!(world.server.requests("").len(), 0);
    write(&world.path("repo/metadata/timestamp.json"), "{}");
    is_problem(&doctor(&world, &[]), "repository", "timestamp");
}

#[test]
fn a_release_that_does_not_fit_is_found_before_its_wave_comes() {
    let world = World::large();
    let small = World::unpublished();
    fs::copy(small.disk(), world.disk()).unwrap();
    world.configure(OWN);
    is_problem(&doctor(&world, &[]), "release", "its partition in set B");
}

#[test]
fn damaged_records_and_checks_that_cannot_run_are_named() {
    let world = world();
    for folder in ["state", "health.d", "datastore"] {
        fs::create_dir(world.path(folder)).unwrap();
    }
    write(&world.path("state/boots.json"), "{");
    write(&world.path("health.d/10-net"), "#!/bin/sh\n");
    fs::set_permissions(world.path("health.d/10-net"), fs::Permissions::from_mode(0o644)).unwrap();
    std::os::unix::fs::symlink("v1", world.path("datastore/current")).unwrap();
    let config = fs::read_to_string(world.path("updog.toml")).unwrap();
    write(&world.path("updog.toml"), config.replace("seed = 7", "seed = 'auto'"));
    write(&world.path("state/seed.json"), "seven");
    let run = doctor(&world, &["--offline"]);
    is_problem(&run, "ledger", "boots.json is damaged");
    is_problem(&run, "seed", "seed.json is damaged");
    is_problem(&run, "health-checks", "10-net");
    is_problem(&run, "migrator", "no-migrator");
}

#[test]
fn a_configuration_that_is_not_valid_is_a_finding_and_the_rest_is_looked_at() {
    let world = world();
    write(&world.path("updog.toml"), "seed = 'many'\n");
    let run = doctor(&world, &[]);
    is_problem(&run, "configuration", "updog.toml");
    assert!(!found(&run, "disk").is_empty());
    assert_eq!(world.server.requests("").len(), 0);
}

/// A server with TLS, whose certificate is for the loopback address; it ends with the test.
struct Tls {
    server: Child,
    port: String,
}

impl Tls {
    /// Serves `folder` with a certificate for so many days, which began so many days ago.
    fn serve(folder: &Path, days: &str, ago: &str) -> Self {
        let sign = format!(
            "-f -{ago}d openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout server.key \
             -out server.pem -subj /CN=server -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE \
             -CA ca.pem -CAkey ca.key -days {days}"
        );
        run("faketime", folder, &sign);
        let serve = "s_server -accept 127.0.0.1:0 -cert server.pem -key server.key -www";
        let mut command = Command::new("openssl");
        command.current_dir(folder).args(serve.split(' '));
        let mut server = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines().map(Result::unwrap);
        let port = lines.find_map(|line| Some(line.strip_prefix("ACCEPT 127.0.0.1:")?.to_owned()));
        // What it has to say is read, so that it can go on.
        thread::spawn(move || lines.for_each(drop));
        Self { server, port: port.unwrap() }
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn run(program: &str, folder: &Path, arguments: &str) {
    let mut command = Command::new(program);
    let output = command.current_dir(folder).args(arguments.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_certificate_that_is_about_to_expire_is_warned_of() {
    let (world, folder) = (world(), tempfile::tempdir().unwrap());
    let folder = folder.path();
    let authority = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.pem -subj /CN=ca -days 100";
    run("openssl", folder, authority);
    let config = fs::read_to_string(world.path("updog.toml")).unwrap();
    let plain = world.server.url("");
    let with = |tls: &Tls| {
        let own = config.replace(&plain, &format!("https://127.0.0.1:{}/", tls.port));
        write(&world.path("updog.toml"), format!("ca_file = '{}/ca.pem'\n{own}", folder.display()));
        found(&doctor(&world, &[]), "certificates")
    };
    let tls = Tls::serve(folder, "200", "0");
    let all_well = with(&tls);
    assert_eq!(all_well.len(), 1, "{all_well:?}");
    assert_eq!(all_well[0].0, "ok");
    assert!(all_well[0].1.contains("authority 1 in ca_file"), "{all_well:?}");
    let tls = Tls::serve(folder, "10", "9");
    let soon = with(&tls);
    assert_eq!(soon.len(), 1, "{soon:?}");
    assert_eq!(soon[0].0, "warning");
    let server = format!("the certificate of https://127.0.0.1:{} expires 20", tls.port);
    assert!(soon[0].1.starts_with(&server), "{soon:?}");
    world.configure(OWN);
    assert!(found(&doctor(&world, &[]), "certificates").is_empty(), "nobody has one");
}
