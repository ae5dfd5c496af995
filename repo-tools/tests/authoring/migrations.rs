//! Migrations between releases: that they connect them, and can be run.

use std::fs;
use std::io::Write;

use manifest::Migrations;
use repo_tools::{Add, Checkup, Outcome, Severity, check};
use semver::Version;

use crate::checkup::findings;
use crate::world::World;

/// One step of a listing, without any migration.
fn step(from: &str, to: &str) -> String {
    format!("[[migrations]]\nfrom = '{from}'\nto = '{to}'\nfiles = []\n")
}

/// A release with these steps.
fn with_steps(world: &World, version: &str, steps: &[(&str, &str)]) -> Add {
    let folder = world.path(&format!("migrations-{version}"));
    fs::create_dir_all(&folder).unwrap();
    let listing: String = steps.iter().map(|(from, to)| step(from, to)).collect();
    fs::write(folder.join("migrations.toml"), listing).unwrap();
    Add { migrations: Some(folder), ..world.options(version) }
}

fn errors(world: &World) -> Vec<String> {
    findings(world, Severity::Error)
}

#[test]
fn releases_without_migrations_have_no_gap() {
    let world = World::published();
    let added = world.add("1.1.0").unwrap();
    assert!(added.gaps.is_empty() && !added.to_string().contains("warning"), "{added}");
    assert!(errors(&world).is_empty());
}

/// A release with a folder of these files, which no listing names.
fn with_files(world: &World, version: &str, files: &[(&str, &str)]) -> Add {
    let folder = world.path(&format!("migrations-{version}"));
    fs::create_dir_all(&folder).unwrap();
    for (name, text) in files {
        fs::write(folder.join(name), text).unwrap();
    }
    Add { migrations: Some(folder), ..world.options(version) }
}

#[test]
fn without_a_listing_all_programs_are_one_step_from_the_release_before() {
    let world = World::published();
    let files = [("split-mirror", "#!/bin/sh\n"), ("migrate_v1.1.0_rename", "#!/bin/sh\nexit 0\n")];
    let added = world.add_with(&with_files(&world, "1.1.0", &files)).unwrap();
    assert!(added.gaps.is_empty(), "{added}");
    let names = ["migrate_v1.1.0_rename.lz4", "migrate_v1.1.0_split-mirror.lz4"];
    let manifest = world.manifest();
    let path = manifest.migration_path(&Version::new(1, 0, 0), &Version::new(1, 1, 0)).unwrap();
    assert_eq!(path.names, names);
    assert!(errors(&world).is_empty());
    let again = world.add_with(&with_files(&world, "1.1.0", &files)).unwrap();
    assert_eq!(again.outcome, Outcome::NothingToDo);
}

#[test]
fn without_a_listing_what_is_no_program_or_follows_no_release_is_refused() {
    let world = World::published();
    for (name, text) in [("README", "about"), ("a b", "#!/bin/sh\n"), (".hidden", "#!/bin/sh\n")] {
        let refused = world.add_with(&with_files(&world, "1.1.0", &[(name, text)])).unwrap_err();
        assert!(refused.to_string().contains("no program that could be a migration"), "{refused}");
        fs::remove_dir_all(world.path("migrations-1.1.0")).unwrap();
    }
    let empty = world.add_with(&with_files(&world, "1.1.0", &[])).unwrap_err();
    assert!(empty.to_string().contains("it has no migrations"), "{empty}");
    let first = World::new();
    let refused = first.add_with(&with_files(&first, "1.0.0", &[("x", "#!/bin/sh\n")]));
    assert!(refused.unwrap_err().to_string().contains("no release is before 1.0.0"));
}

#[test]
fn a_release_that_no_step_leads_to_is_told_when_it_is_added_and_checked() {
    let world = World::published();
    let added = world.add_with(&with_steps(&world, "1.1.0", &[("1.0.0", "1.1.0")])).unwrap();
    assert!(added.gaps.is_empty(), "{added}");
    let gap =
        "no migrations lead from 1.1.0 to 1.2.0: the manifest has no step between 1.1.0 and 1.2.0";
    for _ in ["new", "the same again"] {
        let added = world.add("1.2.0").unwrap();
        assert_eq!(added.gaps, [gap]);
        assert!(added.to_string().contains(&format!("warning: {gap}, nor back")), "{added}");
    }
    assert_eq!(errors(&world), [format!("small x86_64: {gap}, nor back")]);
    let checkup = Checkup { now: world.author.now, soon: "2 days".parse().unwrap(), quick: true };
    let checked = check(&world.author.layout, &checkup).unwrap();
    assert_eq!(checked.errors(), 1, "{checked}");
    assert!(checked.findings[0].next.contains("a step from 1.1.0 to 1.2.0"), "{checked}");
    let added = world.add_with(&with_steps(&world, "1.2.0", &[("1.1.0", "1.2.0")])).unwrap();
    assert!(added.gaps.is_empty(), "{added}");
    assert!(errors(&world).is_empty());
}

#[test]
fn a_gap_is_one_forward_and_back() {
    let world = World::published();
    let add = with_steps(&world, "1.3.0", &[("1.0.0", "1.1.0"), ("1.2.0", "1.3.0")]);
    world.add_with(&add).unwrap();
    let said = errors(&world);
    assert_eq!(said.len(), 1, "{said:?}");
    let missing = "the manifest has no step between 1.1.0 and 1.2.0";
    assert!(said[0].contains("from 1.0.0 to 1.3.0") && said[0].contains(missing), "{said:?}");
    let migrations: Migrations = world.manifest().migrations;
    let [low, high] = [Version::new(1, 0, 0), Version::new(1, 3, 0)];
    for (from, to) in [(&low, &high), (&high, &low)] {
        let error = migrations.path(from, to).unwrap_err().to_string();
        assert!(error.contains(missing), "{error}");
    }
}

/// Publishes a migration that this program would not, and the errors.
fn published(bytes: &[u8]) -> Vec<String> {
    let world = World::published();
    world.add("1.1.0").unwrap();
    let name = "migrate_v1.1.0_x.lz4";
    let mut manifest = world.manifest();
    let (from, to) = (Version::new(1, 0, 0), Version::new(1, 1, 0));
    manifest.migrations.insert(from, to, vec![name.into()]).unwrap();
    let manifest = manifest.to_json().unwrap();
    world.publish_elsewhere(&[("manifest.json", &manifest), (name, bytes)]);
    errors(&world)
}

fn lz4(raw: &[u8]) -> Vec<u8> {
    let mut encoder = lz4::EncoderBuilder::new().build(Vec::new()).unwrap();
    encoder.write_all(raw).unwrap();
    encoder.finish().0
}

#[test]
fn programs_and_scripts_are_migrations_packed_or_not() {
    for program in [&b"\x7fELF\x02\x01"[..], b"#!/bin/sh\n"] {
        for bytes in [program.to_vec(), lz4(program)] {
            assert_eq!(published(&bytes), [""; 0]);
        }
    }
}

#[test]
fn what_no_host_can_unpack_or_start_is_said() {
    let whole = lz4(&[b"#!/bin/sh\n".as_slice(), &[b'x'; 100_000]].concat());
    let cases = [
        (whole[..whole.len() - 5].to_vec(), "cannot be unpacked"),
        ([&whole[..], b"more"].concat(), "something follows the frame"),
        (lz4(b"no program"), "is neither a program nor a script"),
        (b"no program".to_vec(), "is neither a program nor a script"),
        (lz4(&vec![0; (128 << 20) + 1]), "more than 134217728 bytes"),
        (Vec::new(), "is neither a program nor a script"),
    ];
    for (bytes, words) in cases {
        let said = published(&bytes);
        assert_eq!(said.len(), 1, "{words}: {said:?}");
        let start = "migration migrate_v1.1.0_x.lz4 from 1.0.0 to 1.1.0 ";
        assert!(said[0].starts_with(start) && said[0].contains(words), "{said:?}");
    }
}

#[test]
fn a_migration_that_is_missing_is_said_once() {
    let world = World::published();
    let folder = world.path("migrations-1.1.0");
    let mut add = with_steps(&world, "1.1.0", &[]);
    fs::write(folder.join("migrate_v1.1.0_x"), "#!/bin/sh\n").unwrap();
    let listing = step("1.0.0", "1.1.0").replace("[]", "['migrate_v1.1.0_x']");
    fs::write(folder.join("migrations.toml"), listing).unwrap();
    add.migrations = Some(folder);
    world.add_with(&add).unwrap();
    assert!(errors(&world).is_empty());
    let target = world.client("client").unwrap().target("migrate_v1.1.0_x.lz4").unwrap().path();
    fs::remove_file(world.author.layout.targets().join(target)).unwrap();
    let said = errors(&world);
    assert!(said.len() == 1 && said[0].contains("migrate_v1.1.0_x.lz4 is missing"), "{said:?}");
}
