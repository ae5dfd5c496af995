//! What goes wrong beside the update itself.

use std::fs;

use gptprio::SetId;
use serde_json::Value;

use super::{change_record, host, look_again, once, record, state, waits};

#[test]
fn a_repository_that_is_away_is_asked_again_later_and_later() {
    let host = host("");
    let path = host.world.path("updog.toml");
    let config = fs::read_to_string(&path).unwrap().replace("retries = 2", "retries = 0");
    fs::write(&path, config).unwrap();
    host.world.server.fault("timestamp.json", usize::MAX, e2e::hostile::Fault::Status(503));
    let mut last = None;
    for count in 1..=3 {
        once(&host);
        let record = record(&host);
        assert_eq!(record["setbacks"][0]["count"], count);
        let next = record["next_check"].as_str().unwrap().to_owned();
        assert!(last.is_none_or(|last| last < next));
        last = Some(next);
        assert!(waits(&host).contains(&"setback".to_owned()), "{:?}", waits(&host));
        look_again(&host);
    }
    host.world.server.forgive();
    once(&host);
    assert_eq!(state(&host), "restarting");
    assert_eq!(record(&host).get("setbacks"), None);
}

#[test]
fn damaged_notes_of_the_agent_are_told_and_begun_anew() {
    let host = host("restart = 'manual'");
    once(&host);
    for (file, text) in [("agent.json", "{"), ("checked.json", "[]")] {
        fs::write(host.world.path("state").join(file), text).unwrap();
    }
    let run = once(&host);
    assert!(run.stderr.contains("damaged"), "{}", run.stderr);
    assert_eq!((state(&host), host.world.next()), ("ready".to_owned(), Some(SetId::B)));
}

#[test]
fn damaged_orders_hold_the_agent_until_they_are_written_anew() {
    let host = host("");
    fs::write(host.world.path("state/orders.json"), "{").unwrap();
    assert_eq!(once(&host).code, 3);
    assert_eq!(state(&host), "held");
    host.must(&["resume"]);
    once(&host);
    assert_eq!(state(&host), "restarting");
}

#[test]
fn a_clock_that_jumps_neither_stops_the_looking_nor_a_hold() {
    let host = host("restart = 'off'");
    once(&host);
    // As if the clock had been years ahead when all of this was noted.
    for (field, file) in [("next_check", "agent.json"), ("at", "checked.json")] {
        let path = host.world.path("state").join(file);
        let mut value: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        value[field] = "2099-01-01T00:00:00Z".into();
        fs::write(&path, value.to_string()).unwrap();
    }
    let before = host.world.server.requests("timestamp.json").len();
    once(&host);
    assert!(host.world.server.requests("timestamp.json").len() > before);
    host.must(&["pause"]);
    assert_eq!(state(&host), "held");
}

#[test]
fn a_restart_that_does_not_come_is_asked_for_again_and_not_at_once() {
    let host = host("");
    once(&host);
    assert_eq!(state(&host), "restarting");
    change_record(&host, |record| {
        record["pin"]["restart"]["at"] = "2026-01-01T00:00:00Z".into();
    });
    fs::remove_file(host.world.path("restarted")).unwrap();
    once(&host);
    assert_eq!((state(&host), host.restarted()), ("ready".to_owned(), false));
    assert!(waits(&host).contains(&"setback".to_owned()), "{:?}", waits(&host));
}

#[test]
fn a_full_disk_is_named_keeps_everything_and_is_gone_on_from() {
    let host = host("");
    let place = host.world.path("state");
    // What is in the folder already is there as well, and fills it up.
    let script = "cp -a \"$1\" \"$1.copy\" && mount -t tmpfs -o size=16k,mode=0700 none \"$1\" && \
                  cp -a \"$1.copy/.\" \"$1\" && { head -c 65536 /dev/zero > \"$1/ballast\" 2>/dev/null || true; } && \
                  shift && exec \"$@\"";
    let mut command = std::process::Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]).arg(&place);
    command.arg(e2e::programs::command("updog").get_program());
    command.args(host.world.updog_arguments(SetId::A, &["agent", "--once"]));
    let run = e2e::programs::finished(&mut command);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("No space left"), "{}", run.stderr);
    assert_eq!((host.world.next(), host.restarted()), (Some(SetId::A), false));
    once(&host);
    assert_eq!(state(&host), "restarting");
}
