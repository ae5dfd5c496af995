//! What keeps a host from going on, and what does not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use gptprio::SetId;

use super::{Host, change_record, configure, host, once, state, waits};

/// A window that was over before the clock that the tests run by, and comes again next week.
fn closed_window() -> String {
    // Two days before today, by the day of the week; an hour long.
    let day = (chrono::Utc::now() - chrono::TimeDelta::days(2)).format("%a").to_string();
    format!(
        "[[agent.window]]\ndays = ['{}']\nstart = '00:00'\nlength_minutes = 60\n",
        day.to_lowercase()
    )
}

/// Puts a hook on the host.
fn hook(host: &Host, name: &str, script: &str) -> PathBuf {
    let path = host.world.path("hooks").join(name);
    fs::create_dir(host.world.path("hooks")).unwrap();
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn outside_of_its_window_a_host_fetches_and_neither_flips_nor_restarts() {
    let host = host(&closed_window());
    once(&host);
    assert!(host.world.holds(SetId::B, e2e::world::NEW));
    assert_eq!((host.world.next(), host.restarted()), (Some(SetId::A), false));
    assert_eq!(state(&host), "staged");
    assert!(waits(&host).contains(&"window".to_owned()), "{:?}", waits(&host));
    assert_eq!(once(&host).stderr, "", "what it waits for is told already");
    let text = host.must(&["status"]).stdout;
    assert!(text.contains("opens"), "{text}");
    assert!(text.contains("no agent runs right now; the repository was looked at 20"), "{text}");
    configure(&host, "");
    once(&host);
    assert_eq!((state(&host), host.restarted()), ("restarting".to_owned(), true));
}

#[test]
fn a_window_that_never_opens_is_said_to_be_one() {
    let host = host(
        "[[agent.window]]\nstart = '02:00'\nlength_minutes = 60\n\
         [[agent.blackout]]\nfrom = '2000-01-01'\nto = '2200-01-01'\n",
    );
    once(&host);
    assert_eq!((state(&host), host.restarted()), ("staged".to_owned(), false));
    let text = host.must(&["status"]).stdout;
    assert!(text.contains("does not open"), "{text}");
}

#[test]
fn each_step_can_wait_for_an_operator() {
    let host = host("check = 'manual'\nfetch = 'manual'\nrestart = 'manual'");
    assert_eq!(once(&host).code, 3);
    let said = host.must(&["proceed"]).stdout;
    assert!(said.contains("look for an update"), "{said}");
    once(&host);
    assert_eq!(state(&host), "available");
    assert_eq!(once(&host).code, 3, "leave is for once, and for one step");
    host.must(&["proceed"]);
    once(&host);
    assert_eq!((state(&host), host.world.next()), ("ready".to_owned(), Some(SetId::B)));
    for sign in ["reboot-required", "reboot-required.pkgs"] {
        let mode = fs::metadata(host.world.path(sign)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o644, "{sign}: who greets people at their login is not root");
    }
    assert!(waits(&host).contains(&"manual".to_owned()));
    host.must(&["proceed"]);
    once(&host);
    assert_eq!((state(&host), host.restarted()), ("restarting".to_owned(), true));
    assert!(!host.world.path("reboot-required").exists());
    assert!(!host.world.path("reboot-required.pkgs").exists());
}

#[test]
fn what_is_switched_off_is_not_done_even_when_told() {
    let host = host("restart = 'off'");
    once(&host);
    assert_eq!((state(&host), host.world.next()), ("staged".to_owned(), Some(SetId::A)));
    assert_eq!(host.updog(&["proceed"]).code, 3);
    assert_eq!(once(&host).code, 3);
    assert!(waits(&host).contains(&"off".to_owned()));
}

#[test]
fn a_hold_keeps_everything_until_it_ends() {
    let host = host("");
    host.must(&["pause", "--reason", "the auditors are here"]);
    assert_eq!(once(&host).code, 3);
    assert_eq!(state(&host), "held");
    let text = host.must(&["status"]).stdout;
    assert!(text.contains("the auditors are here"), "{text}");
    assert_eq!(host.world.server.requests("").len(), 0);
    host.must(&["resume"]);
    assert_eq!(host.updog(&["resume"]).code, 3);
    once(&host);
    assert_eq!(state(&host), "restarting");
}

#[test]
fn a_hold_has_an_end_in_the_future() {
    let host = host("");
    let said = host.must(&["hold", "until", "2 days"]).stdout;
    assert!(said.contains("does nothing until"), "{said}");
    assert_eq!(state(&host), "held");
    assert!(!host.status()["agent"]["waits"][0]["until"].is_null());
    for bad in ["yesterday", "2001-01-01T00:00:00Z", "-3 days"] {
        assert_eq!(host.updog(&["hold", "until", "--", bad]).code, 2, "{bad}");
    }
    assert_eq!(state(&host), "held", "what is refused changes nothing");
}

#[test]
fn a_hook_puts_the_restart_off_for_as_long_as_it_may() {
    let host = host("hooks_delay_seconds = 3600");
    hook(&host, "10-drain", "printf 'two jobs\\033[2J are left\\n'\nexit 75");
    once(&host);
    assert_eq!((state(&host), host.restarted()), ("staged".to_owned(), false));
    let text = host.must(&["status"]).stdout;
    assert!(text.contains("10-drain") && text.contains("two jobs [2J are left"), "{text}");
    change_record(&host, |record| record["put_off"]["since"] = "2026-01-01T00:00:00Z".into());
    let said = once(&host).stderr;
    assert!(said.contains("10-drain"), "it is told that the hook was not asked: {said}");
    assert_eq!((state(&host), host.restarted()), ("restarting".to_owned(), true));
}

#[test]
fn a_hook_that_hangs_is_ended_and_counts_as_one_that_wants_to_wait() {
    let host = host("hook_seconds = 1");
    let hook = hook(&host, "10-hangs", "sleep 3600");
    once(&host);
    assert_eq!((state(&host), host.restarted()), ("staged".to_owned(), false));
    assert!(waits(&host).contains(&"hook".to_owned()));
    fs::remove_file(hook).unwrap();
    once(&host);
    assert_eq!(state(&host), "restarting");
}

#[test]
fn a_host_that_has_just_come_up_is_left_up() {
    let host = host("");
    configure(&host, "");
    let config = fs::read_to_string(host.world.path("updog.toml")).unwrap();
    let config = config.replace("minimum_uptime_seconds = 0", "minimum_uptime_seconds = 31000000");
    fs::write(host.world.path("updog.toml"), config).unwrap();
    once(&host);
    assert_eq!((state(&host), host.restarted()), ("staged".to_owned(), false));
    assert!(waits(&host).contains(&"uptime".to_owned()));
}
