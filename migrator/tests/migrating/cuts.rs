//! The power is cut after every step: `current` leads to a whole store, the old one or the new one, and the next run finishes.

use std::collections::BTreeSet;
use std::io;

use migrator::{Outcome, Step};
use proptest::prelude::*;

use crate::world::{COUNTS, Scripts, World, now};

/// From 1.5.2 to these, with and without migrations.
const TARGETS: [&str; 6] = ["1.5.3", "1.5.1", "1.6.0", "1.4.9", "2.0.0", "0.9.0"];

fn world(to: &str, with_migration: bool) -> World {
    let from = "1.5.2";
    let (low, high) = if *to < *from { (to, from) } else { (from, to) };
    let scripts = Scripts::default();
    let scripts =
        if with_migration { scripts.with(low, high, COUNTS) } else { scripts.without(low, high) };
    World::at(from, scripts)
}

/// Cuts after the step of this number; whether there was one.
fn cut(world: &mut World, to: &str, number: usize) -> bool {
    let mut step = 0;
    let ended = world.migrate_watched(to, &mut |_| {
        step += 1;
        if step == number { Err(io::Error::other("the power is cut")) } else { Ok(()) }
    });
    ended.is_err()
}

#[test]
fn cut_at_any_step_the_old_or_the_new_store_counts_and_the_next_run_finishes() {
    for to in TARGETS {
        for with_migration in [false, true] {
            let new = {
                let mut whole = world(to, with_migration);
                whole.migrate(to).unwrap();
                whole.now()
            };
            let mut number = 1;
            loop {
                let mut world = world(to, with_migration);
                let old = world.now();
                if !cut(&mut world, to, number) {
                    break;
                }
                let there = world.now();
                assert!(there == old || there == new, "{to} {number}: {there:?}");
                world.migrate(to).unwrap();
                assert_eq!(world.now(), new, "{to} {number}");
                let again = world.migrate(to).unwrap();
                assert_eq!(again.outcome, Outcome::Same, "{to} {number}");
                let scraps: Vec<_> =
                    world.names().into_iter().filter(|name| name.starts_with('.')).collect();
                assert!(scraps.is_empty(), "{to} {number}: {scraps:?}");
                let stores = world.stores();
                assert!(stores <= 2, "{to} {number}: {stores}");
                number += 1;
            }
            assert!(number > if with_migration { 9 } else { 4 }, "{to}: {number} steps only");
        }
    }
}

#[test]
fn exactly_one_rename_changes_where_current_leads() {
    for to in TARGETS {
        let mut world = world(to, true);
        let root = world.root().to_owned();
        let mut seen = vec![now(&root)];
        let mut changes = 0;
        world
            .migrate_watched(to, &mut |step| {
                let there = now(&root);
                if Some(&there) != seen.last() {
                    assert!(matches!(step, Step::Replaced(_)), "{step:?}");
                    changes += 1;
                    seen.push(there);
                }
                Ok(())
            })
            .unwrap();
        assert_eq!((changes, seen.len()), (1, 2), "{to}: {seen:?}");
    }
}

#[test]
fn everything_is_flushed_before_a_link_moves_and_each_move_before_the_next() {
    let mut world = world("2.0.0", true);
    let mut steps = Vec::new();
    world
        .migrate_watched("2.0.0", &mut |step| {
            steps.push(match step {
                Step::Removed(_) => "removed".to_owned(),
                Step::Copied(_) => "copied".to_owned(),
                Step::Ran(name) => format!("ran {name}"),
                Step::FlushedAll => "flushed all".to_owned(),
                Step::Named(_) => "named".to_owned(),
                Step::Linked(_) => "linked".to_owned(),
                Step::Replaced(path) => format!("replaced {}", path.file_name().unwrap().display()),
                Step::Flushed(_) => "flushed".to_owned(),
            });
            Ok(())
        })
        .unwrap();
    let order = [
        "copied",
        "ran migrate_v2.0.0_x",
        "flushed all",
        "named",
        "flushed",
        "linked",
        "linked",
        "linked",
        "linked",
        "flushed",
        "replaced v2.0.0",
        "flushed",
        "replaced v2.0",
        "flushed",
        "replaced v2",
        "flushed",
        "replaced current",
        "flushed",
    ];
    assert_eq!(steps, order);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Any walk over versions, cut anywhere: what counts is always of the version that was there or is wanted.
    #[test]
    fn no_walk_and_no_cuts_lead_half_way(
        walk in prop::collection::vec((0_usize..6, 0_usize..22), 1..7),
    ) {
        let versions = ["1.0.0", "1.0.1", "1.1.0", "1.1.1", "2.0.0", "2.1.0"];
        let mut scripts = Scripts::default();
        for (at, pair) in versions.windows(2).enumerate() {
            scripts = match at % 2 {
                0 => scripts.with(pair[0], pair[1], COUNTS),
                _ => scripts.without(pair[0], pair[1]),
            };
        }
        let ran = |version: &str| {
            let at = versions.iter().position(|other| *other == version).unwrap();
            let names = versions[..=at].iter().skip(1).step_by(2);
            names.map(|version| format!("migrate_v{version}_x")).collect::<Vec<_>>().join(" ")
        };
        let mut world = World::at("1.0.0", scripts);
        let mut version = "1.0.0".to_owned();
        for (to, number) in walk {
            cut(&mut world, versions[to], number);
            let (there, settings) = world.now();
            let there = there[1..].to_owned();
            let possible = BTreeSet::from([version.as_str(), versions[to]]);
            prop_assert!(possible.contains(there.as_str()), "{there} is neither of {possible:?}");
            prop_assert_eq!(settings, ran(&there));
            version = there;
            let stores = world.stores();
            prop_assert!(stores <= 6, "{} stores", stores);
        }
    }
}
