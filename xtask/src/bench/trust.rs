//! Refreshing metadata and finding targets, against the clients of python-tuf and tough, over HTTP on loopback.
//!
//! All sides are whole processes that start with the first root, and none is helped: tough's has its own transport with its
//! defaults, which make a connection a request and wait 100 ms before each.

mod client;
mod server;

use std::path::PathBuf;

use cli::ByteCount;

use self::client::{Client, Visit};
use self::server::{Request, Server};
use super::measure::{self, Bar, Missed, Series, Side};
use crate::command::Run;
use crate::packages::Need;
use crate::steps::say;
use crate::{Result, place, setup};

/// Metadata with so many targets.
const COUNTS: [&str; 3] = ["1000", "10000", "100000"];

/// The most of python-tuf's time that ours may take.
const PYTHON_TIME: f64 = 1.0;

/// The most bytes of a file that is small.
const SMALL: ByteCount = ByteCount(4 << 10);

/// What is measured.
#[derive(Debug)]
struct Case<'a> {
    title: String,
    repository: &'a str,
    wanted: &'a [&'a str],
    state: State,
    bars: OfTough,
}

/// What a client knows when it is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The first root.
    Cold,
    /// All that there is.
    Unchanged,
}

/// The most of tough's time and memory that ours may take.
#[derive(Clone, Copy, Debug)]
struct OfTough {
    time: Option<f64>,
    memory: Option<f64>,
}

const COLD: OfTough = OfTough { time: Some(0.3), memory: None };
const LONG: OfTough = OfTough { time: Some(1.0), memory: Some(0.5) };
const NO_BAR: OfTough = OfTough { time: None, memory: None };

/// Measures a cold refresh, one when nothing changed, long metadata and hash bins.
pub(super) fn run(rounds: u32) -> Result<Missed> {
    setup::install_packages(&[Need::Always, Need::Bench])?;
    setup::make_venv()?;
    client::build()?;
    let bench = Bench::start()?;
    let wanted = place::read(&bench.repositories.join("wanted"))?;
    let wanted: Vec<&str> = wanted.lines().collect();
    let mut missed = Missed::new();
    for case in cases(&wanted) {
        missed.extend(bench.compare(&case, rounds)?);
    }
    Ok(missed)
}

fn cases<'a>(wanted: &'a [&'a str]) -> Vec<Case<'a>> {
    let refresh = |title: &str, repository, state, bars| Case {
        title: title.to_owned(),
        repository,
        wanted: &[],
        state,
        bars,
    };
    let mut cases = vec![
        refresh("a cold refresh", "1", State::Cold, COLD),
        refresh("a refresh when nothing changed", "1", State::Unchanged, NO_BAR),
    ];
    let long = |count| refresh(&format!("{count} targets, cold"), count, State::Cold, LONG);
    cases.extend(COUNTS.map(long));
    let bins = refresh("64 hash bins, a target of each, cold", "bins", State::Cold, NO_BAR);
    cases.push(Case { wanted, ..bins });
    cases
}

struct Bench {
    folder: PathBuf,
    repositories: PathBuf,
    server: Server,
}

impl Bench {
    /// Has python-tuf author the repositories, unless they are there, and serves them.
    fn start() -> Result<Self> {
        let folder = place::target().join("bench/trust");
        let repositories = folder.join("repositories");
        if !repositories.join("wanted").exists() {
            say("makes repositories with up to 100000 targets\n");
            place::remove_folder(&repositories)?;
            client::script().arg("author").arg(&repositories).run()?;
        }
        let server = Server::start(&repositories, &folder.join("requests.log"))?;
        Ok(Self { folder, repositories, server })
    }

    /// Measures all clients that can read the repository in turns.
    fn compare(&self, case: &Case<'_>, rounds: u32) -> Result<Missed> {
        for client in [Client::Ours, Client::Python] {
            self.fill(client, case, &[0])?;
        }
        let tough = self.fill(Client::Tough, case, &[0, 1])?;
        let clients = match tough {
            None => vec![Client::Ours, Client::Python, Client::Tough],
            Some(_) => vec![Client::Ours, Client::Python],
        };
        let sides: Vec<_> = clients.iter().map(|client| self.side(*client, case)).collect();
        let all = measure::in_turns(rounds, &sides)?;
        let refused = tough.map(|why| format!("\n  tough refused it: {why}")).unwrap_or_default();
        let bars = self.bars(case, &all)?;
        Ok(measure::show(&format!("trust: {}{refused}", case.title), &all, &bars))
    }

    /// Has a client know all that there is; or why it refuses, where that is accepted.
    fn fill(&self, client: Client, case: &Case<'_>, accepted: &[i32]) -> Result<Option<String>> {
        self.forget(client, case)?;
        let ran = self.visit(client, case).accept(accepted).run()?;
        Ok((ran.code != 0).then(|| ran.stderr.trim().to_owned()))
    }

    fn bars(&self, case: &Case<'_>, all: &[Series]) -> Result<Vec<Bar>> {
        let mut bars = vec![all[0].time_of(&all[1], Some(PYTHON_TIME))];
        if let Some(tough) = all.get(2) {
            bars.push(all[0].time_of(tough, case.bars.time));
            bars.push(all[0].memory_of(tough, case.bars.memory));
        }
        if case.state == State::Unchanged {
            let requests = self.server.requests(self.visit(Client::Ours, case))?;
            bars.extend(self.one_small_request(&requests)?);
        }
        Ok(bars)
    }

    /// The timestamp, which is small, and nothing else but a look for a newer root, which is not there.
    fn one_small_request(&self, requests: &[Request]) -> Result<[Bar; 3]> {
        let (answered, in_vain): (Vec<_>, Vec<_>) =
            requests.iter().partition(|request| request.status == 200);
        let mut length = 0;
        for request in &answered {
            length += place::length(&self.repositories.join(&request.path))?;
        }
        Ok([
            only("files fetched", &answered, "timestamp.json"),
            only("looked for in vain", &in_vain, "2.root.json"),
            measure::bytes("bytes of files fetched", ByteCount(length), SMALL),
        ])
    }

    fn side<'a>(&'a self, client: Client, case: &'a Case<'a>) -> Side<'a> {
        let prepare = move || match case.state {
            State::Cold => self.forget(client, case),
            State::Unchanged => Ok(()),
        };
        let run = move || self.visit(client, case);
        Side { name: client.name(), prepare: Box::new(prepare), run: Box::new(run) }
    }

    fn forget(&self, client: Client, case: &Case<'_>) -> Result<()> {
        let root = self.repositories.join(case.repository).join("metadata/1.root.json");
        client::forget(&self.folder.join(client.name()), &root)
    }

    fn visit(&self, client: Client, case: &Case<'_>) -> Run {
        let folder = self.folder.join(client.name());
        client.visits(&Visit {
            metadata: self.server.url(&format!("{}/metadata", case.repository)),
            targets: self.server.url(&format!("{}/targets", case.repository)),
            store: folder.join("metadata"),
            downloads: folder.join("targets"),
            wanted: case.wanted,
        })
    }
}

/// Whether one file was asked for and no other.
fn only(what: &str, requests: &[&Request], name: &str) -> Bar {
    let file = |path: &str| path.rsplit('/').next().is_some_and(|file| file == name);
    let met = matches!(requests, [one] if file(&one.path));
    Bar::new(what, &requests.len().to_string(), &format!("1: {name}"), met)
}
