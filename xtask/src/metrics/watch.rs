//! Prometheus, node exporter and a socket, while they run.

use std::net::{Ipv4Addr, TcpListener};
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use super::programs::Programs;
use super::{Host, RULES, updog};
use crate::command::Run;
use crate::error::Error;
use crate::{Result, place};

/// How long everything may take to come up and to have been looked at twice.
const PATIENCE: Duration = Duration::from_secs(300);

/// How often is asked.
const PAUSE: Duration = Duration::from_millis(500);

/// What is asked of Prometheus, and what each answer holds, by either way.
const QUESTIONS: [(&str, &str); 5] = [
    ("updog_info", "version=\"1.0.0\""),
    ("updog_state{state=\"idle\"}", "=> 1 "),
    ("updog_set_next{set=\"A\"}", "=> 1 "),
    ("updog_failed_version_info", "version=\"1.1.0\""),
    ("ALERTS{alertname=\"UpdogUpdateFailed\"}", "alertstate=\"firing\""),
];

/// The ways from the host to Prometheus, as jobs.
const JOBS: [&str; 2] = ["node", "socket"];

/// A program that ends with this value.
struct Running(Child);

impl Running {
    fn start(run: Run) -> Result<Self> {
        Ok(Self(run.bound().spawn()?.0))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing left to do then.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Lets Prometheus look at the host, and asks it.
pub(super) fn watch(programs: &Programs, host: &Host) -> Result<((), String)> {
    let [exporter, socket, server] = free_ports()?.map(|port| format!("127.0.0.1:{port}"));
    let record = host.folder("record");
    let run = Run::program_at(&programs.exporter, "prometheus-node-exporter");
    let run = run.args(["--collector.disable-defaults", "--collector.textfile"]);
    let folder = format!("--collector.textfile.directory={}", host.textfiles().display());
    let address = format!("--web.listen-address={exporter}");
    let _exporter = Running::start(run.arg(folder).arg(address).record(&record))?;
    // As a socket of systemd with Accept=yes would.
    let run =
        Run::new("systemd-socket-activate").args(["--listen", &socket, "--accept", "--inetd"]);
    let run = run.arg(updog()).args(host.arguments(&["metrics", "--http"]));
    let _socket = Running::start(run.record(&record))?;
    let _server = Running::start(prometheus(programs, host, &server, [&exporter, &socket])?)?;
    let server = format!("http://{server}");
    for (question, answer) in QUESTIONS {
        JOBS.iter().try_for_each(|job| ask(programs, &server, question, [answer, job]))?;
    }
    ask(programs, &server, "node_textfile_scrape_error", ["=> 0 ", JOBS[0]])?;
    Ok(((), format!("{} answers by each", QUESTIONS.len())))
}

/// The server, told to look often.
fn prometheus(programs: &Programs, host: &Host, address: &str, targets: [&str; 2]) -> Result<Run> {
    let rules = place::project().join(RULES);
    let mut text = format!(
        "global: {{scrape_interval: 5s, scrape_timeout: 5s, evaluation_interval: 1s}}\nrule_files: [{:?}]\nscrape_configs:\n",
        rules.display().to_string(),
    );
    for (job, target) in JOBS.iter().zip(targets) {
        text.push_str(&format!(
            "  - {{job_name: {job}, static_configs: [{{targets: [{target:?}]}}]}}\n"
        ));
    }
    let config = host.folder("prometheus.yml");
    place::write(&config, &text)?;
    let option = |name: &str, value: &str| format!("--{name}={value}");
    let run = Run::program_at(&programs.prometheus, "prometheus")
        .arg(option("config.file", &config.to_string_lossy()))
        .arg(option("storage.tsdb.path", &host.folder("prometheus").to_string_lossy()))
        .arg(option("web.listen-address", address));
    Ok(run.record(&host.folder("record")))
}

/// Asks until a sample of the job holds the answer.
fn ask(programs: &Programs, server: &str, question: &str, [answer, job]: [&str; 2]) -> Result<()> {
    let job = format!("job=\"{job}\"");
    let began = Instant::now();
    loop {
        let seen = programs.query(server, question);
        let holds = |line: &str| line.contains(answer) && line.contains(&job);
        if seen.as_ref().is_ok_and(|seen| seen.lines().any(holds)) {
            return Ok(());
        }
        if began.elapsed() > PATIENCE {
            let seen = seen.unwrap_or_else(|error| error.to_string());
            return Err(Error::Untrue(format!("{question} of {job} is {answer:?}, but {seen:?}")));
        }
        thread::sleep(PAUSE);
    }
}

/// Ports of loopback that nobody has now. Somebody may take one in between, which then is told as what it is.
fn free_ports() -> Result<[u16; 3]> {
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let taken = || -> std::io::Result<[u16; 3]> {
        let held = [bind()?, bind()?, bind()?];
        let [a, b, c] = held.each_ref().map(|one| one.local_addr().map(|it| it.port()));
        Ok([a?, b?, c?])
    };
    taken().map_err(|source| Error::Start { program: "a server on loopback".to_owned(), source })
}
