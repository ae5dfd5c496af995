//! Paths between versions, against a search of every chain.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use manifest::{Direction, Manifest, Migrations, NoPath};
use proptest::prelude::*;
use semver::Version;

fn version(minor: u64) -> Version {
    Version::new(1, minor, 0)
}

fn steps(pairs: &[(u64, u64)]) -> Migrations {
    let mut migrations = Migrations::default();
    for (from, to) in pairs {
        let names = vec![format!("{from}-{to}-a"), format!("{from}-{to}-b")];
        migrations.insert(version(*from), version(*to), names).unwrap();
    }
    migrations
}

fn minors(migrations: &Migrations, from: u64, to: u64) -> Option<Vec<u64>> {
    let path = migrations.path(&version(from), &version(to)).ok()?;
    Some(path.versions.iter().map(|version| version.minor).collect())
}

#[test]
fn a_large_first_step_into_a_dead_end_is_not_taken() {
    let migrations = steps(&[(0, 1), (0, 5), (1, 6)]);
    assert_eq!(minors(&migrations, 0, 6), Some(vec![0, 1, 6]));
}

#[test]
fn the_shortest_path_wins_then_the_larger_first_step() {
    let migrations = steps(&[(0, 1), (1, 2), (2, 9), (0, 3), (3, 9), (0, 4), (4, 9)]);
    assert_eq!(minors(&migrations, 0, 9), Some(vec![0, 4, 9]));
}

#[test]
fn a_downgrade_runs_the_same_names_reversed_and_backward() {
    let migrations = steps(&[(0, 1), (1, 2)]);
    let up = migrations.path(&version(0), &version(2)).unwrap();
    assert_eq!(up.direction, Direction::Forward);
    assert_eq!(up.names, ["0-1-a", "0-1-b", "1-2-a", "1-2-b"]);
    let down = migrations.path(&version(2), &version(0)).unwrap();
    assert_eq!(down.direction, Direction::Backward);
    assert_eq!(down.names, ["1-2-b", "1-2-a", "0-1-b", "0-1-a"]);
    assert_eq!(minors(&migrations, 2, 0), Some(vec![2, 1, 0]));
}

#[test]
fn the_same_version_needs_nothing_even_when_unknown() {
    let path = Migrations::default().path(&version(7), &version(7)).unwrap();
    assert!(path.names.is_empty());
    assert_eq!(path.versions, [version(7)]);
}

#[test]
fn without_a_chain_both_versions_are_named() {
    let error = steps(&[(0, 1), (2, 3)]).path(&version(3), &version(0)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no migrations lead from 1.3.0 to 1.0.0: the manifest has no step between 1.1.0 and 1.2.0"
    );
}

#[test]
fn keys_are_read_with_any_spaces_and_written_with_one() {
    let text =
        br#"{"updates": [], "migrations": {"(1.0.0,1.1.0)": ["a"], " (  1.1.0 ,1.2.0  ) ": []}}"#;
    let manifest = Manifest::parse(text).unwrap();
    let written = String::from_utf8(manifest.to_json().unwrap()).unwrap();
    assert!(written.contains(r#""(1.0.0, 1.1.0)": ["#), "{written}");
    assert!(written.contains(r#""(1.1.0, 1.2.0)": []"#), "{written}");
}

#[test]
fn a_key_that_is_no_step_upward_is_refused() {
    for key in [
        "1.0.0, 1.1.0",
        "(1.0.0)",
        "(1.0.0, 1.1.0, 1.2.0)",
        "(1.0, 1.1.0)",
        "(, )",
        "((1.0.0, 1.1.0))",
        "(1.1.0, 1.0.0)",
        "(1.1.0, 1.1.0)",
        "",
    ] {
        let text = format!(r#"{{"updates": [], "migrations": {{"{key}": []}}}}"#);
        assert!(Manifest::parse(text.as_bytes()).is_err(), "{key}");
    }
}

#[test]
fn two_spellings_of_one_step_are_a_doubled_key() {
    let text = r#"{"updates": [], "migrations": {"(1.0.0,1.1.0)": [], "(1.0.0, 1.1.0)": []}}"#;
    let error = Manifest::parse(text.as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "migrations from 1.0.0 to 1.1.0 stand twice in the manifest");
}

/// A manifest of one variant with releases of these minor versions, and these steps.
fn manifest(releases: &[u64], pairs: &[(u64, u64)]) -> Manifest {
    let update = |minor: &u64| {
        format!(
            r#"{{"variant": "v", "arch": "a", "version": "1.{minor}.0", "max_version": "1.9.0", "waves": {{}},
                "images": {{"boot": "b", "root": "r", "hash": "h"}}}}"#
        )
    };
    let updates: Vec<_> = releases.iter().map(update).collect();
    let text = format!(r#"{{"updates": [{}], "migrations": {{}}}}"#, updates.join(","));
    let read = Manifest::parse(text.as_bytes()).unwrap();
    Manifest { migrations: steps(pairs), ..read }
}

/// Where it has gaps: the two releases, and the step that is missing.
fn gaps(manifest: &Manifest) -> Vec<[u64; 4]> {
    let minors = |gap: manifest::Gap| {
        let NoPath { from, to, missing: (low, high) } = gap.path;
        [from.minor, to.minor, low.minor, high.minor]
    };
    manifest.gaps().into_iter().map(minors).collect()
}

#[test]
fn releases_that_a_chain_connects_have_no_gap() {
    assert!(gaps(&manifest(&[0, 1, 3], &[(0, 1), (1, 2), (2, 3)])).is_empty());
    assert!(gaps(&manifest(&[3, 0, 1], &[(0, 1), (1, 3), (0, 3)])).is_empty());
    assert!(gaps(&manifest(&[1], &[(5, 6)])).is_empty(), "there is nowhere to go");
}

#[test]
fn a_repository_whose_settings_need_no_migration_has_no_gap() {
    assert!(gaps(&manifest(&[0, 1, 2], &[])).is_empty());
}

#[test]
fn a_chain_that_breaks_off_has_a_gap_where_it_does() {
    assert_eq!(gaps(&manifest(&[0, 6], &[(0, 1), (1, 2), (4, 5), (5, 6)])), [[0, 6, 2, 4]]);
    assert_eq!(gaps(&manifest(&[0, 1, 2], &[(0, 1)])), [[1, 2, 1, 2]]);
    assert_eq!(gaps(&manifest(&[0, 1, 2], &[(1, 2)])), [[0, 1, 0, 1]]);
    let both = manifest(&[0, 1, 2, 3], &[(1, 2)]);
    assert_eq!(gaps(&both), [[0, 1, 0, 1], [2, 3, 2, 3]]);
}

#[test]
fn a_release_beside_the_chain_has_a_gap_on_both_sides() {
    assert_eq!(gaps(&manifest(&[0, 1, 2], &[(0, 2)])), [[0, 1, 0, 1], [1, 2, 1, 2]]);
}

#[test]
fn a_release_that_nobody_can_come_from_or_to_has_a_gap() {
    // Both branches of a fork can be reached from below, and not one from the other.
    assert_eq!(gaps(&manifest(&[0, 1, 2], &[(0, 1), (0, 2)])), [[1, 2, 1, 2]]);
    // Both lead to the same release, and one cannot be reached.
    assert_eq!(gaps(&manifest(&[0, 1, 2], &[(0, 2), (1, 2)])), [[0, 1, 0, 1]]);
}

#[test]
fn gaps_are_those_of_one_variant_and_architecture() {
    let mut manifest = manifest(&[0, 1, 2], &[(0, 2)]);
    manifest.updates[1].arch = "other".into();
    assert!(gaps(&manifest).is_empty());
    manifest.updates[2].variant = "other".into();
    assert!(gaps(&manifest).is_empty());
}

/// Every chain between two versions, found without any cleverness.
fn chains(pairs: &BTreeSet<(u64, u64)>, from: u64, to: u64) -> Vec<Vec<u64>> {
    if from == to {
        return vec![vec![to]];
    }
    let nexts = pairs.iter().filter(|(low, high)| *low == from && *high <= to);
    nexts
        .flat_map(|(_, next)| chains(pairs, *next, to))
        .map(|rest| [vec![from], rest].concat())
        .collect()
}

proptest! {
    #[test]
    fn a_path_is_found_whenever_one_exists_and_it_is_the_shortest_with_the_largest_steps(
        pairs in prop::collection::btree_set((0u64..8, 1u64..9), 0..16),
        from in 0u64..9,
        to in 0u64..9,
    ) {
        let pairs: BTreeSet<_> = pairs.into_iter().filter(|(low, high)| low < high).collect();
        let migrations = steps(&pairs.iter().copied().collect::<Vec<_>>());
        let (low, high) = (from.min(to), from.max(to));
        let mut expected = chains(&pairs, low, high)
            .into_iter()
            .min_by_key(|chain| (chain.len(), std::cmp::Reverse(chain.clone())));
        if let (true, Some(chain)) = (from > to, expected.as_mut()) {
            chain.reverse();
        }
        prop_assert_eq!(minors(&migrations, from, to), expected);
    }

    #[test]
    fn there_is_a_gap_exactly_if_two_releases_are_not_connected_either_way(
        pairs in prop::collection::btree_set((0u64..8, 1u64..9), 1..16),
        releases in prop::collection::btree_set(0u64..9, 0..6),
    ) {
        let pairs: Vec<_> = pairs.into_iter().filter(|(low, high)| low < high).collect();
        let releases: Vec<_> = releases.into_iter().collect();
        let mut manifest = manifest(&releases, &pairs);
        let connected = |manifest: &Manifest| {
            let way = |from: &u64, to: &u64| minors(&manifest.migrations, *from, *to).is_some();
            releases.iter().all(|from| releases.iter().all(|to| way(from, to)))
        };
        if !manifest.migrations.is_empty() {
            prop_assert_eq!(manifest.gaps().is_empty(), connected(&manifest));
        }
        for gap in manifest.gaps() {
            let (low, high) = gap.path.missing;
            manifest.migrations.insert(low, high, vec![]).unwrap();
        }
        prop_assert!(manifest.migrations.is_empty() || connected(&manifest));
    }
}
