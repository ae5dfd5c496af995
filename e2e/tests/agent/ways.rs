//! The two ways that an update goes.

use std::fs;

use e2e::world::{NEW, OLD, World, write};
use gptprio::SetId;

use super::{configure, host, look_again, once, state};

#[test]
fn a_host_takes_a_release_restarts_into_it_and_settles_once_it_is_good() {
    let host = host("");
    assert_eq!(state(&host), "idle");
    once(&host);
    assert!(host.restarted() && host.world.next() == Some(SetId::B));
    assert_eq!(state(&host), "restarting");
    assert_eq!(host.start(), SetId::B);
    assert_eq!(state(&host), "proving");
    let before = host.world.sets();
    assert_eq!(once(&host).code, 3, "a start that is not proven is left alone");
    assert_eq!((host.restarted(), host.world.sets()), (false, before));
    host.must(&["health"]);
    assert_eq!(state(&host), "good");
    once(&host);
    assert_eq!((state(&host), host.world.next()), ("idle".to_owned(), Some(SetId::B)));
    assert_eq!(once(&host).code, 3, "there is nothing more to do");
}

#[test]
fn a_release_that_fails_is_told_and_not_taken_again() {
    let host = host("");
    once(&host);
    assert_eq!(host.start(), SetId::B);
    host.check("10-broken", "exit 1");
    assert_ne!(host.updog(&["health"]).code, 0);
    assert_eq!(host.start(), SetId::A);
    fs::remove_file(host.world.path("checks/10-broken")).unwrap();
    host.must(&["health"]);
    assert_eq!(state(&host), "failed");
    // It lies there and waits for nothing.
    assert!(host.status()["staged"].is_null(), "{}", host.status());
    once(&host);
    assert_eq!(state(&host), "idle");
    look_again(&host);
    once(&host);
    assert_eq!((state(&host), host.restarted()), ("idle".to_owned(), false));
    assert!(host.world.holds(SetId::A, OLD));
    host.must(&["clear-failure", NEW]);
    look_again(&host);
    once(&host);
    assert_eq!(state(&host), "restarting", "an operator has allowed it again");
}

#[test]
fn what_an_operator_took_back_is_left_until_the_operator_takes_it() {
    let host = host("restart = 'manual'");
    once(&host);
    assert_eq!(state(&host), "ready");
    host.must(&["update-revert"]);
    once(&host);
    assert_eq!((state(&host), host.world.next()), ("idle".to_owned(), Some(SetId::A)));
    look_again(&host);
    once(&host);
    assert_eq!((state(&host), host.world.next()), ("idle".to_owned(), Some(SetId::A)));
    assert_eq!(super::waits(&host).last().unwrap(), "declined");
    host.must(&["update"]);
    once(&host);
    assert_eq!((state(&host), host.world.next()), ("ready".to_owned(), Some(SetId::B)));
}

#[test]
fn after_a_rollback_the_host_stays_where_the_operator_wants_it() {
    let host = host("");
    once(&host);
    host.start();
    host.must(&["health"]);
    once(&host);
    host.must(&["rollback"]);
    assert_eq!(host.start(), SetId::A);
    host.must(&["health"]);
    look_again(&host);
    once(&host);
    assert_eq!((state(&host), host.restarted()), ("idle".to_owned(), false));
    assert_eq!(host.world.next(), Some(SetId::A));
}

#[test]
fn a_release_that_is_recalled_before_the_restart_is_let_go() {
    let host = host("restart = 'manual'");
    once(&host);
    assert_eq!((state(&host), host.world.next()), ("ready".to_owned(), Some(SetId::B)));
    recall(&host.world);
    look_again(&host);
    once(&host);
    assert_eq!((state(&host), host.world.next()), ("idle".to_owned(), Some(SetId::A)));
}

#[test]
fn a_release_that_is_locked_out_before_the_restart_is_let_go_and_taken_again_without_the_lock() {
    let host = host("restart = 'manual'");
    let free = fs::read_to_string(host.world.path("updog.toml")).unwrap();
    once(&host);
    assert_eq!((state(&host), host.world.next()), ("ready".to_owned(), Some(SetId::B)));
    write(&host.world.path("updog.toml"), format!("version_lock = '{OLD}'\n{free}"));
    look_again(&host);
    once(&host);
    assert_eq!((state(&host), host.world.next()), ("idle".to_owned(), Some(SetId::A)));
    write(&host.world.path("updog.toml"), &free);
    look_again(&host);
    once(&host);
    assert_eq!((state(&host), host.world.next()), ("ready".to_owned(), Some(SetId::B)));
    // A person's word counts until a person takes it back.
    host.must(&["update-revert"]);
    look_again(&host);
    once(&host);
    assert_eq!((state(&host), host.world.next()), ("idle".to_owned(), Some(SetId::A)));
}

#[test]
fn what_was_put_there_by_hand_goes_on_by_itself() {
    let host = host("check = 'off'");
    host.must(&["update-image"]);
    assert_eq!(state(&host), "staged");
    once(&host);
    assert_eq!((state(&host), host.restarted()), ("restarting".to_owned(), true));
    configure(&host, "check = 'off'");
    assert_eq!(host.start(), SetId::B);
    host.must(&["health"]);
    once(&host);
    assert_eq!(state(&host), "idle");
}

fn recall(world: &World) {
    let keys = world.path("keys");
    let repo = world.path("repo");
    e2e::programs::must(
        "repo-tools",
        &[
            "release",
            "withdraw",
            "--repo",
            e2e::world::text(&repo),
            "--keys",
            e2e::world::text(&keys),
            NEW,
        ],
    );
}

#[test]
fn a_look_when_nothing_has_changed_is_one_question() {
    let host = host("restart = 'off'");
    host.world.server.tag("\"one\"");
    once(&host);
    let requests = || host.world.server.requests("");
    let before = requests().len();
    for _ in 0..3 {
        look_again(&host);
        once(&host);
    }
    let asked: Vec<String> =
        requests().split_off(before).into_iter().map(|request| request.path).collect();
    assert_eq!(asked, ["/metadata/timestamp.json"; 3]);
    host.world.server.tag("\"two\"");
    look_again(&host);
    once(&host);
    let asked = requests().split_off(before + 3);
    assert!(asked.len() > 2, "something has changed: {asked:?}");
}

#[test]
fn each_thing_that_happens_is_told_once() {
    let host = host("");
    let told = |said: &str| -> Vec<String> {
        let events = said.lines().filter_map(|line| line.strip_prefix('<')?.split_once('>'));
        events.map(|(priority, text)| format!("{priority} {text}")).collect()
    };
    let said = told(&once(&host).stderr);
    let wanted = [
        "looked for an update of 1.0.0",
        "there is an update from 1.0.0 to 1.1.0",
        "1.1.0 lies whole in set B",
        "1.1.0 in set B boots next",
        "restart",
    ];
    assert_eq!(said.len(), wanted.len(), "{said:#?}");
    for (said, wanted) in said.iter().zip(wanted) {
        assert!(said.contains(wanted), "{said}: {wanted}");
    }
    assert_eq!(told(&once(&host).stderr), [""; 0], "it is told already");
    host.start();
    host.must(&["health"]);
    let said = told(&once(&host).stderr);
    assert!(said.len() == 1 && said[0].contains("1.1.0"), "{said:#?}");
    host.must(&["pause"]);
    let said = told(&once(&host).stderr);
    assert!(said.len() == 1 && said[0].contains("held"), "{said:#?}");
    host.must(&["resume"]);
    let said = told(&once(&host).stderr);
    assert!(said.len() == 1 && said[0].contains("updates go on"), "{said:#?}");
}

#[test]
fn what_is_held_is_not_told_again_when_it_goes_on() {
    let host = host("restart = 'off'");
    once(&host);
    for (command, wanted) in
        [("pause", &["held"][..]), ("resume", &["updates go on", "waits: off"])]
    {
        host.must(&[command]);
        let said = once(&host).stderr;
        let said: Vec<&str> = said.lines().filter(|line| line.starts_with('<')).collect();
        assert_eq!(said.len(), wanted.len(), "{command}: {said:#?}");
        let is_told = said.iter().zip(wanted).all(|(said, wanted)| said.contains(wanted));
        assert!(is_told, "{command}: {said:#?}");
    }
    assert_eq!(state(&host), "staged");
}

#[test]
fn only_what_was_taken_up_is_made_to_boot_next() {
    let host = host("check = 'off'");
    host.must(&["update-image"]);
    let other = host.updog(&["update-apply", "--image", OLD]);
    assert_eq!(other.code, 1, "{}", other.stderr);
    assert!(other.stderr.contains(&format!("holds {NEW}, and not {OLD}")), "{}", other.stderr);
    assert_eq!(host.world.next(), Some(SetId::A));
    host.must(&["update-apply", "--image", NEW]);
    assert_eq!(host.world.next(), Some(SetId::B));
}
