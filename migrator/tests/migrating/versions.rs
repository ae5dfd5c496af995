//! From version to version.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::PathBuf;

use migrator::{Error, Outcome};

use crate::world::{COUNTS, Scripts, World, version};

fn steps() -> Scripts {
    Scripts::default()
        .with("1.5.2", "1.5.3", COUNTS)
        .with("1.5.3", "1.6.0", COUNTS)
        .without("1.6.0", "1.7.0")
        .with("1.7.0", "2.0.0", COUNTS)
}

#[test]
fn settings_go_forward_through_all_migrations_and_back_through_them_reversed() {
    let mut world = World::at("1.5.2", steps());
    let report = world.migrate("2.0.0").unwrap();
    assert_eq!(report.outcome, Outcome::Migrated);
    assert_eq!(report.migrations, ["migrate_v1.5.3_x", "migrate_v1.6.0_x", "migrate_v2.0.0_x"]);
    let ran = "migrate_v1.5.3_x migrate_v1.6.0_x migrate_v2.0.0_x";
    assert_eq!(world.now(), ("v2.0.0".into(), ran.into()));
    let report = world.migrate("1.5.3").unwrap();
    assert_eq!(report.migrations, ["migrate_v2.0.0_x", "migrate_v1.6.0_x"]);
    assert_eq!(world.now(), ("v1.5.3".into(), "migrate_v1.5.3_x".into()));
    assert_eq!(report.from, Some(version("2.0.0")));
}

#[test]
fn without_migrations_the_version_gets_the_same_store() {
    let mut world = World::at("1.6.0", steps());
    let report = world.migrate("1.7.0").unwrap();
    assert_eq!(report.outcome, Outcome::Linked);
    assert_eq!(report.store.as_deref(), Some("v1.6.0_0123456789abcdef"));
    assert_eq!(world.now().0, "v1.7.0");
    let links = ["v1.6.0", "v1.7.0"].map(|link| fs::read_link(world.path(link)).unwrap());
    assert_eq!(links[0], links[1]);
    let mut world = World::at("3.1.0", Scripts::default());
    assert_eq!(world.migrate("1.0.0").unwrap().outcome, Outcome::Linked, "none at all");
}

#[test]
fn the_same_version_and_no_data_store_are_success_and_need_nothing_that_was_kept() {
    let mut world = World::at("1.6.0", Scripts::default());
    let before = world.snapshot();
    assert_eq!(world.migrate("1.6.0").unwrap().outcome, Outcome::Same);
    assert_eq!(world.snapshot(), before);
    fs::remove_file(world.path("current")).unwrap();
    assert_eq!(world.migrate("9.9.9").unwrap().outcome, Outcome::Absent);
    assert_eq!(world.names().len(), 4);
}

#[test]
fn a_chain_with_a_gap_is_refused_before_anything_is_done() {
    let mut world = World::at("1.5.2", steps());
    let before = world.snapshot();
    let error = world.migrate("2.1.0").unwrap_err();
    assert!(error.to_string().ends_with("no step between 2.0.0 and 2.1.0"), "{error}");
    assert_eq!(world.snapshot(), before);
}

#[test]
fn a_migration_that_is_missing_is_found_out_before_the_first_one_runs() {
    let mut world = World::at("1.5.2", steps().with("2.0.0", "2.1.0", "exit 1"));
    world.scripts = world.scripts.clone().forgetting("migrate_v2.0.0_x");
    let before = world.snapshot();
    assert!(matches!(world.migrate("2.1.0"), Err(Error::NoTarget { .. })));
    assert!(world.log.is_empty());
    assert_eq!(world.snapshot(), before);
}

#[test]
fn a_dry_run_says_what_would_be_done_and_does_nothing() {
    let mut world = World::at("1.5.2", steps());
    let before = world.snapshot();
    let report = world.dry_run("2.0.0").unwrap();
    assert_eq!((report.outcome, report.migrations.len()), (Outcome::Migrated, 3));
    assert_eq!(report.store, None);
    assert_eq!(world.snapshot(), before);
}

#[test]
fn owners_and_modes_are_kept_whatever_a_migration_makes_of_them() {
    let careless = "cp -r \"$3\" \"$5\"; chmod -R 0777 \"$5\"; echo 1 > \"$5/live/settings/new\"";
    let mut world = World::at("1.5.2", Scripts::default().with("1.5.2", "1.6.0", careless));
    let store = world.path("v1.5.2_0123456789abcdef");
    let name = "live/settings/host/name";
    for (path, mode) in [(name, 0o640), ("live/settings", 0o750), ("", 0o711)] {
        fs::set_permissions(store.join(path), Permissions::from_mode(mode)).unwrap();
        // Only root gives files away; anybody else's stay their own.
        let _ = chown(store.join(path), Some(1234), Some(5678));
    }
    let of = |path: PathBuf| {
        let metadata = fs::metadata(path).unwrap();
        (metadata.uid(), metadata.gid(), metadata.mode() & 0o7777)
    };
    let before = [name, "live/settings", ""].map(|path| of(store.join(path)));
    world.migrate("1.6.0").unwrap();
    let current = world.path("current");
    assert_eq!([name, "live/settings", ""].map(|path| of(current.join(path))), before);
    let (user, group, _) = before[1];
    assert_eq!(of(current.join("live/settings/new")), (user, group, 0o640), "as its folder");
}

#[test]
fn stores_of_versions_long_gone_are_taken_away() {
    let mut scripts = Scripts::default();
    for minor in 0..9 {
        let (from, to) = (format!("1.{minor}.0"), format!("1.{}.0", minor + 1));
        scripts = scripts.with(&from, &to, COUNTS);
    }
    let mut world = World::at("1.0.0", scripts);
    for minor in 1..10 {
        world.migrate(&format!("1.{minor}.0")).unwrap();
        let stores = world.names().iter().filter(|name| name.contains('_')).count();
        assert!(stores <= 4, "{stores}");
    }
    assert_eq!(world.migrate("1.8.0").unwrap().outcome, Outcome::Returned);
    let report = world.migrate("1.8.0").unwrap();
    assert!(report.removed.is_empty(), "it came back to its own store");
    let links: Vec<_> = world.names().into_iter().filter(|name| !name.contains('_')).collect();
    assert_eq!(
        links,
        ["current", "v1", "v1.7", "v1.7.0", "v1.8", "v1.8.0", "v1.9", "v1.9.0"],
        "what is two below went when 1.9.0 ran"
    );
    assert!(world.migrate("1.8.0").unwrap().removed.is_empty());
}
