//! Adding, listing, spreading and withdrawing releases.

use std::fs;

use manifest::{Schedule, WavePolicy};
use repo_tools::{
    Add, Error, Init, Layout, Outcome, Selector, Unobserved, WaveChange, change_waves, list,
    withdraw,
};

use crate::world::{World, selector, time, write_parts};

fn schedule(start: &str) -> Schedule {
    let policy = "ends_after = '2 days'\n[[waves]]\nstart_after = '1 hour'\nfleet_percentage = 10\n\
                  [[waves]]\nstart_after = '1 day'\nfleet_percentage = 100\n";
    WavePolicy::parse(policy).unwrap().waves(time(start)).unwrap()
}

#[test]
fn a_new_repository_has_a_manifest_without_releases() {
    let world = World::new();
    assert!(world.manifest().updates.is_empty());
    let versions = world.client("client").unwrap().versions();
    assert_eq!([versions.root, versions.timestamp, versions.snapshot, versions.targets], [1; 4]);
    for name in ["1.root.json", "root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"]
    {
        assert!(world.metadata(name).exists(), "{name}");
    }
}

#[test]
fn a_release_is_what_was_built() {
    let world = World::published();
    let repository = world.client("client").unwrap();
    let update = world.update("1.0.0");
    assert_eq!(update.images.root, "small-x86_64-1.0.0-root.img.lz4");
    let parts = world.build("1.0.0");
    for (name, file) in update.images.names().into_iter().zip(["boot", "root", "hash"]) {
        let built = fs::read(parts.join(format!("{file}.img.lz4"))).unwrap();
        assert_eq!(world.target(&repository, name), built);
    }
    let contents = update.contents.unwrap();
    assert_eq!(contents.root_hash.to_string(), "ab".repeat(32));
    let raw = fs::read(parts.join("root.img")).unwrap();
    assert_eq!(contents.root.length, 300_000);
    assert_eq!(contents.root.sha256.to_string(), trust::Sha256::of(&raw).to_string());
    assert!(update.waves.is_empty());
}

#[test]
fn the_same_release_again_is_nothing_to_do() {
    let world = World::published();
    let before = world.snapshot();
    let added = world.add("1.0.0").unwrap();
    assert_eq!(added.outcome, Outcome::NothingToDo);
    assert_eq!(world.snapshot(), before);
}

#[test]
fn another_release_of_the_same_version_is_refused_unless_it_replaces_the_first() {
    let world = World::published();
    let before = world.snapshot();
    write_parts(&world.build("1.0.0"), "1.0.0", "something else");
    let error = world.add("1.0.0").unwrap_err();
    assert!(matches!(error, Error::Different(_)), "{error}");
    assert_eq!(world.snapshot(), before);

    let replace = Add { replace: true, ..world.options("1.0.0") };
    assert_eq!(world.add_with(&replace).unwrap().outcome, Outcome::Done);
    let repository = world.client("client").unwrap();
    let built = fs::read(world.build("1.0.0").join("root.img.lz4")).unwrap();
    assert_eq!(world.target(&repository, "small-x86_64-1.0.0-root.img.lz4"), built);
    assert_eq!(world.manifest().updates.len(), 1);
}

#[test]
fn waves_are_published_and_changed() {
    let world = World::new();
    let with = |start| Add { schedule: Some(schedule(start)), ..world.options("1.0.0") };
    let added = world.add_with(&with("2026-12-01T00:00:00Z")).unwrap();
    assert_eq!(added.from.as_deref(), Some("2026-12-01T01:00:00Z"));
    assert_eq!(added.until.as_deref(), Some("2026-12-03T00:00:00Z"));
    assert_eq!(world.update("1.0.0").schedule(), schedule("2026-12-01T00:00:00Z"));
    let again = world.add_with(&with("2026-12-01T00:00:00Z")).unwrap();
    assert_eq!(again.outcome, Outcome::NothingToDo);
    let error = world.add_with(&with("2026-12-02T00:00:00Z")).unwrap_err();
    assert!(matches!(error, Error::OtherWaves(_)), "{error}");

    let change = |schedule| {
        let wanted = WaveChange { release: selector("1.0.0"), schedule };
        change_waves(&world.author, &wanted, &mut Unobserved).unwrap().outcome
    };
    assert_eq!(change(Some(schedule("2026-12-02T00:00:00Z"))), Outcome::Done);
    assert_eq!(world.update("1.0.0").schedule(), schedule("2026-12-02T00:00:00Z"));
    assert_eq!(change(Some(schedule("2026-12-02T00:00:00Z"))), Outcome::NothingToDo);
    assert_eq!(change(None), Outcome::Done);
    assert!(world.update("1.0.0").waves.is_empty());
}

#[test]
fn a_list_shows_how_far_releases_have_come() {
    let world = World::published();
    let waves = Add { schedule: Some(schedule("2026-11-22T12:00:00Z")), ..world.options("1.1.0") };
    world.add_with(&waves).unwrap();
    let layout = &world.author.layout;
    let listed = list(layout, world.author.now).unwrap();
    let versions: Vec<_> = listed.releases.iter().map(|one| one.version.to_string()).collect();
    assert_eq!(versions, ["1.1.0", "1.0.0"]);
    assert_eq!(listed.releases[0].ready_permille, 100);
    assert_eq!(listed.releases[1].ready_permille, 1000);
    assert!(listed.releases[0].download_bytes.unwrap() > 0);
    let text = listed.to_string();
    assert!(text.contains("10.0 % of hosts, all by 2026-11-24T12:00:00Z"), "{text}");
    let early = list(layout, time("2026-11-22T12:00:00Z")).unwrap().to_string();
    assert!(early.contains("from 2026-11-22T13:00:00Z"), "{early}");
}

#[test]
fn a_withdrawn_release_is_offered_to_nobody() {
    let world = World::published();
    world.add("1.1.0").unwrap();
    let release = selector("1.1.0");
    let withdrawn = withdraw(&world.author, &release, &mut Unobserved).unwrap();
    assert_eq!(withdrawn.hosts_go_to.unwrap().to_string(), "1.0.0");
    assert!(!world.update("1.1.0").is_offered());
    assert_eq!(world.update("1.0.0").max_version.to_string(), "1.0.0");
    let before = world.snapshot();
    let again = withdraw(&world.author, &release, &mut Unobserved).unwrap();
    assert_eq!(again.outcome, Outcome::NothingToDo);
    assert_eq!(world.snapshot(), before);
    let error = world.add("1.1.0").unwrap_err();
    assert!(matches!(error, Error::WasWithdrawn(_)), "{error}");
}

#[test]
fn a_version_that_several_variants_have_needs_a_variant() {
    let world = World::published();
    world.edit_report("1.0.0", |report| report["variant"] = "large".into());
    world.add("1.0.0").unwrap();
    let error = withdraw(&world.author, &selector("1.0.0"), &mut Unobserved).unwrap_err();
    assert!(matches!(&error, Error::Ambiguous(labels) if labels.len() == 2), "{error}");
    let large = Selector { variant: Some("large".into()), ..selector("1.0.0") };
    assert_eq!(withdraw(&world.author, &large, &mut Unobserved).unwrap().variant, "large");
    let none = withdraw(&world.author, &selector("9.9.9"), &mut Unobserved).unwrap_err();
    assert!(matches!(none, Error::NoRelease(_)), "{none}");
}

#[test]
fn unknown_fields_of_the_manifest_and_other_targets_are_kept() {
    let world = World::published();
    world.add("1.1.0").unwrap();
    let repository = world.client("client").unwrap();
    let names: Vec<_> = repository.targets().map(|target| target.name().to_owned()).collect();
    assert_eq!(names.len(), 7, "{names:?}");
}

fn migrations(world: &World) -> Add {
    let folder = world.path("migrations");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("migrate_v1.1.0_add-thing"), "#!/bin/sh\n").unwrap();
    let listing =
        "[[migrations]]\nfrom = '1.0.0'\nto = '1.1.0'\nfiles = ['migrate_v1.1.0_add-thing']\n";
    fs::write(folder.join("migrations.toml"), listing).unwrap();
    Add { migrations: Some(folder), ..world.options("1.1.0") }
}

#[test]
fn migrations_are_targets_and_steps_of_the_manifest() {
    let world = World::published();
    let add = migrations(&world);
    world.add_with(&add).unwrap();
    let manifest = world.manifest();
    let path = manifest.migration_path(&"1.0.0".parse().unwrap(), &"1.1.0".parse().unwrap());
    assert_eq!(path.unwrap().names, ["migrate_v1.1.0_add-thing.lz4"]);
    let repository = world.client("client").unwrap();
    let packed = world.target(&repository, "migrate_v1.1.0_add-thing.lz4");
    let mut program = String::new();
    let mut decoder = lz4::Decoder::new(packed.as_slice()).unwrap();
    std::io::Read::read_to_string(&mut decoder, &mut program).unwrap();
    assert_eq!(program, "#!/bin/sh\n");
    assert_eq!(world.add_with(&add).unwrap().outcome, Outcome::NothingToDo);
}

#[test]
fn a_migration_of_other_contents_is_refused() {
    let world = World::published();
    world.add_with(&migrations(&world)).unwrap();
    let before = world.snapshot();
    let folder = world.path("migrations");
    fs::write(folder.join("migrate_v1.1.0_add-thing"), "#!/bin/sh\nexit 1\n").unwrap();
    let add = Add { migrations: Some(folder), ..world.options("1.1.0") };
    let error = world.add_with(&add).unwrap_err();
    assert!(matches!(error, Error::OtherMigration { .. }), "{error}");
    assert_eq!(world.snapshot(), before);
}

#[test]
fn metadata_may_lie_in_a_folder_of_the_variant() {
    let mut world = World::empty();
    world.author.layout = Layout::new(&world.path("repo"), "small/x86_64".as_ref()).unwrap();
    world.init(&Init::default());
    world.add("1.0.0").unwrap();
    assert!(world.path("repo/small/x86_64/timestamp.json").exists());
    world.author.layout = Layout::new(&world.path("repo"), "large/x86_64".as_ref()).unwrap();
    world.init(&Init::default());
    assert!(world.manifest().updates.is_empty());
}
