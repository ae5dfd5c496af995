//! Hosts that update themselves: `updog agent` on a machine that is played.

#![allow(clippy::unwrap_used, clippy::panic)]

mod bad;
#[path = "../health/host.rs"]
#[allow(dead_code)]
mod host;
mod resident;
mod waits;
mod ways;

use host::Host;

/// Nothing of the machine that the tests run on is in the way.
const FREE: &str = "minimum_uptime_seconds = 0\nwhile_logged_in = 'go'\non_battery = 'go'\n\
    metered = 'go'\nhooks_dirs = ['hooks']\nreboot_required_path = 'reboot-required'\n";

/// A host with an agent whose section has these lines as well, once its first start was found good.
fn host(more: &str) -> Host {
    let host = Host::new();
    configure(&host, more);
    host.start();
    host.must(&["health"]);
    host
}

/// Writes the configuration anew, with these lines in the agent's section.
fn configure(host: &Host, more: &str) {
    let release = std::fs::read(host.world.path("os-release")).unwrap();
    host.world.configure(&format!("{}[agent]\n{FREE}{more}\n", host.config("")));
    std::fs::write(host.world.path("os-release"), release).unwrap();
}

/// What can be done now, done.
fn once(host: &Host) -> e2e::programs::Finished {
    let run = host.updog(&["agent", "--once"]);
    assert!(matches!(run.code, 0 | 3), "{}: {}{}", run.code, run.stdout, run.stderr);
    run
}

/// Where the host is, as `status` has it.
fn state(host: &Host) -> String {
    host.status()["agent"]["state"].as_str().unwrap().to_owned()
}

/// What keeps the next step, by its codes.
fn waits(host: &Host) -> Vec<String> {
    let status = host.status();
    let waits = status["agent"]["waits"].as_array().unwrap().iter();
    waits.map(|wait| wait["code"].as_str().unwrap().to_owned()).collect()
}

/// The agent's own record.
fn record(host: &Host) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(record_path(host)).unwrap()).unwrap()
}

/// Changes the agent's own record.
fn change_record(host: &Host, change: impl FnOnce(&mut serde_json::Value)) {
    let mut record = record(host);
    change(&mut record);
    std::fs::write(record_path(host), record.to_string()).unwrap();
}

fn record_path(host: &Host) -> std::path::PathBuf {
    host.world.path("state/agent.json")
}

/// As after the interval: what is planned is forgotten.
fn look_again(host: &Host) {
    change_record(host, |record| {
        record.as_object_mut().unwrap().remove("next_check");
    });
}
