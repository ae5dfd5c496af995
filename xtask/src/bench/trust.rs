//! Refreshing metadata and finding targets, against python-tuf's client, over HTTP on loopback.
//!
//! Both sides are whole processes. tough's client is not measured yet: the tree has it without its HTTP transport.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Child;

use super::measure::{self, Bar, Side};
use crate::command::Run;
use crate::error::Error;
use crate::packages::Need;
use crate::steps::say;
use crate::{Result, place, setup};

/// Metadata with so many targets.
const COUNTS: [&str; 3] = ["1000", "10000", "100000"];

/// The most of python-tuf's time that ours may take.
const TIME: f64 = 1.0;

/// Measures a cold refresh, one when nothing changed, long metadata and hash bins.
pub(super) fn run(rounds: u32) -> Result<()> {
    setup::install_packages(&[Need::Always, Need::Bench])?;
    setup::make_venv()?;
    Run::cargo().args(["build", "--release", "--locked", "--package", "tuf-client"]).run()?;
    let folder = place::target().join("bench/trust");
    let repositories = folder.join("repositories");
    if !repositories.join("wanted").exists() {
        say("makes repositories with up to 100000 targets\n");
        place::remove_folder(&repositories)?;
        script().arg("author").arg(&repositories).run()?;
    }
    let server = Server::start(&repositories)?;
    let wanted = place::read(&repositories.join("wanted"))?;
    let wanted: Vec<&str> = wanted.lines().collect();
    let bench = Bench { folder, repositories, server };
    bench.compare("a cold refresh", "1", &[], true, rounds)?;
    bench.compare("a refresh when nothing changed", "1", &[], false, rounds)?;
    for count in COUNTS {
        bench.compare(&format!("{count} targets, cold"), count, &[], true, rounds)?;
    }
    bench.compare("64 hash bins, a target of each, cold", "bins", &wanted, true, rounds)
}

fn python() -> PathBuf {
    place::target().join("venv/bin/python3")
}

fn script() -> Run {
    let script = place::project().join("xtask/src/bench/trust.py");
    Run::new(&python().to_string_lossy()).arg("-B").arg(script)
}

struct Bench {
    folder: PathBuf,
    repositories: PathBuf,
    server: Server,
}

impl Bench {
    /// Measures both clients in turns; a cold one starts with nothing but the root.
    fn compare(
        &self,
        title: &str,
        name: &str,
        wanted: &[&str],
        cold: bool,
        rounds: u32,
    ) -> Result<()> {
        let sides =
            ["tuf-client", "python-tuf"].map(|client| self.side(client, name, wanted, cold));
        for side in &sides {
            self.reset(side.name, name)?;
            (side.run)().run()?;
        }
        let all = measure::in_turns(rounds, &sides)?;
        let memory = Bar::new("peak memory", &all[0].peak().to_string(), "no bar", true);
        measure::show(
            &format!("trust: {title}"),
            &all,
            &[all[0].time_of(&all[1], Some(TIME)), memory],
        );
        Ok(())
    }

    fn side<'a>(
        &'a self,
        client: &'static str,
        name: &'a str,
        wanted: &'a [&str],
        cold: bool,
    ) -> Side<'a> {
        let prepare = move || if cold { self.reset(client, name) } else { Ok(()) };
        let run = move || self.run(client, name, wanted);
        Side { name: client, prepare: Box::new(prepare), run: Box::new(run) }
    }

    fn store(&self, client: &str) -> PathBuf {
        self.folder.join(client)
    }

    /// Leaves the first root and nothing else.
    fn reset(&self, client: &str, name: &str) -> Result<()> {
        let store = self.store(client);
        place::remove_folder(&store)?;
        place::make_folder(&store.join("metadata"))?;
        let root = self.repositories.join(name).join("metadata/1.root.json");
        let to = store.join("metadata/root.json");
        fs::copy(&root, &to).map(drop).map_err(Error::file("copy", &root))
    }

    fn run(&self, client: &str, name: &str, wanted: &[&str]) -> Run {
        let url = |part: &str| format!("{}/{name}/{part}/", self.server.url);
        let (metadata, targets) =
            (self.store(client).join("metadata"), self.store(client).join("targets"));
        if client == "python-tuf" {
            let run = script().arg("client").arg(url("metadata")).arg(url("targets"));
            return run.arg(metadata).arg(targets).args(wanted);
        }
        let run = Run::ours("tuf-client").arg("--metadata-dir").arg(metadata);
        let run = run.arg("--metadata-url").arg(url("metadata"));
        if wanted.is_empty() {
            return run.arg("refresh");
        }
        let names = wanted.iter().flat_map(|name| ["--target-name", name]);
        let run = run.args(names).arg("--target-base-url").arg(url("targets"));
        run.arg("--target-dir").arg(targets).arg("download")
    }
}

/// Python's server of files on loopback; ends with this value.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(folder: &Path) -> Result<Self> {
        let server = ["-u", "-m", "http.server", "--protocol", "HTTP/1.1", "--bind", "127.0.0.1"];
        let run = Run::new(&python().to_string_lossy()).args(server);
        let (mut child, _) = run.arg("--directory").arg(folder).arg("0").spawn()?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output)
                .read_line(&mut line)
                .map_err(Error::file("read from", folder))?;
        }
        let port = line.split_once(" port ").and_then(|(_, rest)| rest.split(' ').next());
        let port = port.ok_or_else(|| Error::Untrue(format!("'{}' names no port", line.trim())))?;
        Ok(Self { url: format!("http://127.0.0.1:{port}"), child })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing left to do then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
