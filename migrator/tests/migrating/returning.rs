//! Back to the settings of before, and what becomes of the changes that were made since.

use std::fs;
use std::io;
use std::time::Duration;

use datastore::Json;
use migrator::carry::{Carried, Wanted, carry, forget};
use migrator::changes::Standing;
use migrator::listing::{Listing, list};
use migrator::{Error, Outcome, Result, Secrets, Shown, Step};

use crate::world::{COUNTS, Scripts, World, nobody};

/// Renames a setting, and adds one.
const RENAMES: &str = "cp -a \"$3\" \"$5\"; cd \"$5/live/settings\"
case $1 in
    --forward) mv host/name hostname; echo true > added ;;
    --backward) [ ! -e hostname ] || mv hostname host/name; rm -f added ;;
esac";

const OLD: &str = "1.0.0";
const NEW: &str = "1.1.0";

/// A world that was updated.
fn updated() -> World {
    let mut world = World::at(OLD, Scripts::default().with(OLD, NEW, RENAMES));
    assert_eq!(world.migrate(NEW).unwrap().outcome, Outcome::Migrated);
    world
}

/// A world that was updated, whose settings were changed then.
fn changed() -> World {
    let world = updated();
    set(&world, "settings/hostname", "\"worker-9\"");
    set(&world, "settings/added", "false");
    set(&world, "settings/label", "1.50");
    world
}

fn set(world: &World, name: &str, value: &str) {
    fs::write(world.path("current/live").join(name), value).unwrap();
}

fn value(world: &World, name: &str) -> Option<String> {
    fs::read_to_string(world.path("current/live").join(name)).ok()
}

fn listing(world: &World) -> Listing {
    list(world.root(), &[], Secrets::Masked).unwrap()
}

fn carry_all(world: &World, force: bool) -> Result<Carried> {
    let (datastore, secrets) = (world.root(), Secrets::Masked);
    let wanted = Wanted { datastore, keys: &[], force, dry_run: false, secrets };
    carry(&wanted, &mut |_| (), &mut nobody)
}

/// Each change as `key was is`.
fn told(changes: &[Shown]) -> Vec<String> {
    let text = |value: &Option<Json>| {
        value.as_ref().map_or("-".to_owned(), |json| json.text().trim().to_owned())
    };
    changes.iter().map(|one| format!("{} {} {}", one.key, text(&one.was), text(&one.is))).collect()
}

/// The changes of the only return that is listed.
fn listed(world: &World) -> (Vec<String>, Vec<Option<Standing>>) {
    let listing = listing(world);
    assert_eq!((listing.kept.len(), listing.damaged.len()), (1, 0), "{listing:?}");
    let changes = listing.kept[0].changes.clone().unwrap();
    let standings = changes.iter().map(|one| one.standing).collect();
    let shown: Vec<_> = changes.into_iter().map(|one| one.change).collect();
    (told(&shown), standings)
}

#[test]
fn the_older_version_has_its_own_settings_again_byte_for_byte() {
    let mut world = updated();
    let store = fs::canonicalize(world.path("v1.0.0")).unwrap();
    let report = world.migrate(OLD).unwrap();
    assert_eq!((report.outcome, report.kept), (Outcome::Returned, None), "nothing was changed");
    assert_eq!(fs::canonicalize(world.path("current")).unwrap(), store);
    assert!(listing(&world).kept.is_empty());
    assert_eq!(world.migrate(OLD).unwrap().outcome, Outcome::Same);
}

#[test]
fn what_was_changed_since_is_kept_aside_in_the_names_of_both_versions() {
    let mut world = changed();
    let report = world.migrate(OLD).unwrap();
    assert_eq!(value(&world, "settings/host/name").as_deref(), Some("\"worker-7\""));
    let kept = report.kept.unwrap();
    assert_eq!(kept.changes, Some(3));
    let (changes, standings) = listed(&world);
    assert_eq!(changes, ["settings.host.name \"worker-7\" \"worker-9\"", "settings.label - 1.50",]);
    assert_eq!(standings, [Some(Standing::Open); 2]);
    // The newer version again: its names, of which there are more.
    world.migrate(NEW).unwrap();
    let (changes, _) = listed(&world);
    assert_eq!(
        changes,
        [
            "settings.added true false",
            "settings.hostname \"worker-7\" \"worker-9\"",
            "settings.label - 1.50",
        ]
    );
}

#[test]
fn migrations_that_do_not_lead_back_to_the_same_are_no_change() {
    let lossy = "cp -a \"$3\" \"$5\"
case $1 in
    --forward) rm \"$5/live/settings/host/name\" ;;
    --backward) printf '\"default\"' > \"$5/live/settings/host/name\" ;;
esac";
    let mut world = World::at(OLD, Scripts::default().with(OLD, NEW, lossy));
    world.migrate(NEW).unwrap();
    set(&world, "settings/label", "1");
    world.migrate(OLD).unwrap();
    assert_eq!(listed(&world).0, ["settings.label - 1"]);
}

#[test]
fn a_return_needs_nothing_that_was_kept_and_no_migration_that_works() {
    let fails = Scripts::default().with(OLD, NEW, "[ $1 = --forward ]; cp -a \"$3\" \"$5\"");
    let mut world = World::at(OLD, fails);
    world.migrate(NEW).unwrap();
    set(&world, "settings/label", "1");
    let report = world.migrate(OLD).unwrap();
    assert_eq!(report.kept.unwrap().changes, Some(1), "known in the names of the newer one");
    let all = listing(&world);
    assert!(!all.kept[0].fits && all.kept[0].why.is_some(), "{all:?}");

    let mut world = changed();
    world.scripts = Scripts::default().with("3.0.0", "3.1.0", COUNTS);
    let left = fs::canonicalize(world.path("current")).unwrap();
    let report = world.migrate(OLD).unwrap();
    assert_eq!(report.outcome, Outcome::Returned);
    assert_eq!(value(&world, "settings/host/name").as_deref(), Some("\"worker-7\""));
    let all = listing(&world);
    assert!(all.kept[0].why.as_ref().unwrap().contains("no step between"), "{all:?}");
    // However far the host goes from there, that store stays.
    world.scripts = Scripts::default();
    for minor in 2..9 {
        world.migrate(&format!("1.{minor}.0")).unwrap();
    }
    assert!(left.exists());
    let files: Vec<String> = all.kept.iter().map(|one| one.file.clone()).collect();
    assert_eq!(forget(world.root(), &files).unwrap(), files);
    world.migrate("1.8.0").unwrap();
    assert!(!left.exists(), "{:?}", world.names());
}

#[test]
fn a_return_does_not_wait_for_migrations_that_hang_or_together_take_long() {
    for (seconds, each) in [(3600, "hangs"), (1, "ends before its own time is over")] {
        let slow = format!("[ $1 = --forward ] || sleep {seconds}.5; cp -a \"$3\" \"$5\"");
        let steps = Scripts::default().with(OLD, "1.0.1", &slow).with("1.0.1", NEW, &slow);
        let mut world = World::at(OLD, steps);
        world.migrate(NEW).unwrap();
        set(&world, "settings/label", "1");
        world.limits.time = Duration::from_secs(2);
        assert_eq!(world.migrate(OLD).unwrap().outcome, Outcome::Returned, "{each}");
        let why = listing(&world).kept[0].why.clone();
        assert!(why.is_some_and(|why| why.contains("did not end within")), "{each}");
    }
}

#[test]
fn settings_of_before_that_are_damaged_are_not_used() {
    let mut world = changed();
    fs::write(world.path("v1.0.0/live/settings/host/name"), "\"worker").unwrap();
    let report = world.migrate(OLD).unwrap();
    assert_eq!(report.outcome, Outcome::Migrated, "by migrations that run backward");
    assert_eq!(value(&world, "settings/host/name").as_deref(), Some("\"worker-9\""));
    assert!(world.log.iter().any(|line| line.contains("are not used")), "{:?}", world.log);
}

#[test]
fn what_is_kept_aside_is_carried_and_then_known_to_be_there() {
    let mut world = changed();
    world.migrate(OLD).unwrap();
    let carried = carry_all(&world, false).unwrap();
    assert_eq!(told(&carried.changes).len(), 2);
    assert_eq!(value(&world, "settings/host/name").as_deref(), Some("\"worker-9\""));
    assert_eq!(value(&world, "settings/label").as_deref(), Some("1.50"));
    assert_eq!(listed(&world).1, [Some(Standing::Done); 2]);
    let again = carry_all(&world, false).unwrap();
    assert_eq!((again.changes.len(), again.done), (0, 2));
    // Under the newer version what the older one has no name for is carried, too; then nothing is left.
    world.migrate(NEW).unwrap();
    let carried = carry_all(&world, false).unwrap();
    assert_eq!(told(&carried.changes), ["settings.added true false"]);
    assert_eq!(carried.removed.len(), 1);
    assert!(listing(&world).kept.is_empty());
    assert_eq!(value(&world, "settings/added").as_deref(), Some("false"));
}

#[test]
fn what_has_been_changed_in_another_way_since_is_left_unless_forced() {
    let mut world = changed();
    world.migrate(OLD).unwrap();
    set(&world, "settings/host/name", "\"worker-8\"");
    let before = world.snapshot();
    let error = carry_all(&world, false).unwrap_err();
    assert!(matches!(&error, Error::Conflict { keys } if keys == &["settings.host.name"]));
    assert_eq!(world.snapshot(), before, "nothing of it is carried");
    let keys = ["settings.label".parse().unwrap()];
    let (datastore, secrets) = (world.root().to_owned(), Secrets::Masked);
    let wanted =
        Wanted { datastore: &datastore, keys: &keys, force: false, dry_run: true, secrets };
    let planned = carry(&wanted, &mut |_| (), &mut nobody).unwrap();
    assert_eq!((told(&planned.changes).len(), world.snapshot()), (1, before));
    let wanted = Wanted { dry_run: false, ..wanted };
    carry(&wanted, &mut |_| (), &mut nobody).unwrap();
    assert_eq!(value(&world, "settings/host/name").as_deref(), Some("\"worker-8\""));
    assert_eq!(value(&world, "settings/label").as_deref(), Some("1.50"));
    carry_all(&world, true).unwrap();
    assert_eq!(value(&world, "settings/host/name").as_deref(), Some("\"worker-9\""));
}

#[test]
fn owners_and_modes_stay_when_changes_are_carried() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let mut world = changed();
    world.migrate(OLD).unwrap();
    let name = world.path("current/live/settings/host/name");
    fs::set_permissions(&name, fs::Permissions::from_mode(0o640)).unwrap();
    carry_all(&world, false).unwrap();
    assert_eq!(fs::metadata(&name).unwrap().mode() & 0o7777, 0o640);
}

/// Does `run` again and again, cut one step later each time, until it is not cut any more. Each time it starts from `make`.
fn cut_everywhere(
    make: impl Fn() -> World,
    run: impl Fn(&mut World, &mut dyn FnMut(Step<'_>) -> io::Result<()>) -> Result<()>,
    check: impl Fn(&mut World, usize),
) -> usize {
    let mut number = 1;
    loop {
        let (mut world, mut step) = (make(), 0);
        let ended = run(&mut world, &mut |_| {
            step += 1;
            if step == number { Err(io::Error::other("the power is cut")) } else { Ok(()) }
        });
        if ended.is_ok() {
            return number;
        }
        check(&mut world, number);
        number += 1;
    }
}

fn scraps(world: &World) -> Vec<String> {
    world.names().into_iter().filter(|name| name.starts_with('.')).collect()
}

#[test]
fn a_return_that_is_cut_loses_no_change() {
    let steps = cut_everywhere(
        changed,
        |world, look| world.migrate_watched(OLD, look).map(drop),
        |world, number| {
            let name = value(world, "settings/hostname").or(value(world, "settings/host/name"));
            assert!(name.is_some(), "{number}");
            world.migrate(OLD).unwrap();
            assert_eq!(value(world, "settings/host/name").as_deref(), Some("\"worker-7\""));
            assert_eq!(listed(world).0.len(), 2, "{number}");
            world.migrate(OLD).unwrap();
            assert_eq!(scraps(world), [""; 0], "{number}");
        },
    );
    assert!(steps > 12, "{steps}");
}

#[test]
fn what_is_carried_is_there_as_a_whole_or_not_at_all_when_it_is_cut() {
    let returned = || {
        let mut world = changed();
        world.migrate(OLD).unwrap();
        world
    };
    let steps = cut_everywhere(
        returned,
        |world, look| {
            let (datastore, secrets) = (world.root(), Secrets::Masked);
            let wanted = Wanted { datastore, keys: &[], force: false, dry_run: false, secrets };
            carry(&wanted, &mut |_| (), look).map(drop)
        },
        |world, number| {
            let values = ["settings/host/name", "settings/label"].map(|name| value(world, name));
            let old = [Some("\"worker-7\"".to_owned()), None];
            let new = [Some("\"worker-9\"".to_owned()), Some("1.50".to_owned())];
            assert!(values == old || values == new, "{number}: {values:?}");
            carry_all(world, false).unwrap();
            assert_eq!(value(world, "settings/label").as_deref(), Some("1.50"), "{number}");
            world.migrate(OLD).unwrap();
            assert_eq!(scraps(world), [""; 0], "{number}");
        },
    );
    assert!(steps > 6, "{steps}");
}

#[test]
fn a_rehearsal_shows_what_would_change_and_changes_nothing() {
    let mut world = World::at(OLD, Scripts::default().with(OLD, NEW, RENAMES));
    set(&world, "settings/token", "\"hunter2\"");
    let before = world.snapshot();
    let report = world.rehearse(NEW).unwrap();
    assert_eq!((report.outcome, report.dry_run), (Outcome::Migrated, true));
    assert_eq!(
        told(&report.changes.unwrap()),
        [
            "settings.added - true",
            "settings.host.name \"worker-7\" -",
            "settings.hostname - \"worker-7\"",
        ]
    );
    assert_eq!(world.snapshot(), before);
    world.scripts = Scripts::default().with(OLD, NEW, "exit 3");
    assert!(matches!(world.rehearse(NEW), Err(Error::Failed { .. })));
    assert_eq!(world.snapshot(), before);
    let renames = RENAMES.replace("echo true > added", "mv token added");
    world.scripts = Scripts::default().with(OLD, NEW, &renames);
    let report = world.rehearse(NEW).unwrap();
    let text = serde_json::to_string(&report.changes).unwrap();
    assert!(!text.contains("hunter2") || text.contains("settings.added"), "{text}");
}

#[test]
fn a_rehearsal_of_a_return_shows_what_would_be_kept_aside() {
    let mut world = changed();
    let before = world.snapshot();
    let report = world.rehearse(OLD).unwrap();
    assert_eq!(report.outcome, Outcome::Returned);
    assert_eq!(report.changes.unwrap().len(), 4);
    assert_eq!(world.snapshot(), before);
    assert_eq!(world.dry_run(OLD).unwrap().outcome, Outcome::Returned);
    assert_eq!(world.snapshot(), before);
}

#[test]
fn what_is_kept_aside_and_damaged_stops_no_boot() {
    let mut world = changed();
    world.migrate(OLD).unwrap();
    let file = listing(&world).kept[0].file.clone();
    fs::write(world.path(&file), "{").unwrap();
    let all = listing(&world);
    assert_eq!((all.kept.len(), all.damaged.len()), (0, 1));
    world.migrate(NEW).unwrap();
    set(&world, "settings/label", "2");
    assert!(world.migrate(OLD).unwrap().kept.is_some());
    assert!(matches!(carry_all(&world, false), Err(Error::Damaged { .. })));
    forget(world.root(), &[file]).unwrap();
    carry_all(&world, false).unwrap();
}
