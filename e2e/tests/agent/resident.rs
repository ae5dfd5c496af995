//! The agent that stays.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, ChildStderr, Stdio};
use std::time::{Duration, Instant};

use e2e::programs;

use super::{Host, change_record, configure, host, state};

/// Long enough on a machine that does a lot beside.
const PATIENCE: Duration = Duration::from_secs(300);

/// An agent, and the socket on which it tells systemd how it is.
struct Agent {
    child: Child,
    socket: UnixDatagram,
    stderr: BufReader<ChildStderr>,
}

impl Agent {
    fn start(host: &Host) -> Self {
        let path = host.world.path("notify");
        let _ = fs::remove_file(&path);
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut command = programs::command("updog");
        command.args(host.world.updog_arguments(host.active.get(), &["agent"]));
        command.env("NOTIFY_SOCKET", &path).stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let agent = Self { child, socket, stderr };
        agent.hears("READY=1");
        agent
    }

    /// Waits until the agent says this.
    fn hears(&self, wanted: &str) -> String {
        let mut buffer = [0; 4096];
        loop {
            let count =
                self.socket.recv(&mut buffer).unwrap_or_else(|error| panic!("{wanted}: {error}"));
            let said = String::from_utf8_lossy(&buffer[..count]).into_owned();
            if said.contains(wanted) {
                return said;
            }
        }
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(
            std::process::Command::new("kill").args([signal, &pid]).status().unwrap().success()
        );
    }

    /// Reads what it says until a line has this.
    fn says(&mut self, wanted: &str) -> String {
        let mut line = String::new();
        while self.stderr.read_line(&mut line).unwrap() > 0 {
            if line.contains(wanted) {
                return line;
            }
            line.clear();
        }
        panic!("it never said {wanted}");
    }

    fn stop(mut self) -> i32 {
        self.signal("-TERM");
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_acts_on_what_an_operator_says_without_a_wait() {
    let host = host("check = 'manual'\nrestart = 'manual'");
    let agent = Agent::start(&host);
    agent.hears("STATUS=idle");
    host.must(&["proceed"]);
    agent.hears("STATUS=ready 1.1.0");
    host.must(&["pause"]);
    agent.hears("STATUS=held while ready 1.1.0");
    host.must(&["resume"]);
    agent.hears("STATUS=ready 1.1.0");
    assert_eq!(host.status()["agent"]["running"], true);
    assert_eq!(agent.stop(), 0);
    assert_eq!(host.status()["agent"]["running"], false);
}

#[test]
fn it_is_alone_and_manual_commands_work_beside_it() {
    let host = host("check = 'off'\nrestart = 'off'");
    let agent = Agent::start(&host);
    let second = host.updog(&["agent"]);
    assert_eq!(second.code, 4, "{}", second.stderr);
    assert_eq!(host.updog(&["agent", "--once"]).code, 4);
    host.must(&["update-image"]);
    agent.hears("STATUS=staged 1.1.0");
    assert_eq!(agent.stop(), 0);
}

#[test]
fn a_broken_configuration_is_refused_aloud_and_the_old_one_stays() {
    let host = host("check = 'manual'\nrestart = 'off'");
    let mut agent = Agent::start(&host);
    agent.hears("STATUS=idle");
    let good = fs::read(host.world.path("updog.toml")).unwrap();
    fs::write(host.world.path("updog.toml"), "no configuration").unwrap();
    agent.signal("-HUP");
    let said = agent.says("configuration");
    assert!(said.starts_with("<3>") || said.starts_with("<4>"), "{said}");
    // What it starts goes by the old one as well.
    let accepted = host.world.path("state/orders.json");
    fs::write(
        accepted,
        "{\"format\": 1, \"go\": {\"step\": \"check\", \"at\": \"2026-01-01T00:00:00Z\"}}",
    )
    .unwrap();
    agent.hears("STATUS=staged 1.1.0");
    fs::write(host.world.path("updog.toml"), good).unwrap();
    configure(&host, "check = 'off'\nrestart = 'manual'");
    agent.signal("-HUP");
    agent.hears("STATUS=ready 1.1.0");
    assert_eq!(agent.stop(), 0);
}

#[test]
fn killed_at_any_moment_it_goes_on_where_it_was() {
    let host = host("check_interval_seconds = 1");
    for patience in [1, 5, 20, 80, 320] {
        let mut agent = Agent::start(&host);
        let _ = agent.socket.set_read_timeout(Some(Duration::from_millis(patience)));
        let mut buffer = [0; 64];
        while agent.socket.recv(&mut buffer).is_ok() {}
        agent.child.kill().unwrap();
        agent.child.wait().unwrap();
    }
    // What it had started may still be at work, and hold the disk: that is tried again, here without a wait.
    let patience = Instant::now() + PATIENCE;
    while state(&host) != "restarting" {
        assert!(Instant::now() < patience, "{}", host.must(&["status"]).stdout);
        forget_setbacks(&host);
        host.updog(&["agent", "--once"]);
    }
    assert!(host.world.holds(gptprio::SetId::B, e2e::world::NEW));
}

fn forget_setbacks(host: &Host) {
    change_record(host, |record| {
        let record = record.as_object_mut().unwrap();
        record.retain(|name, _| name != "setbacks" && name != "next_check");
    });
}
