//! What is kept for the next boot: one generation, whole whatever happens, and verified again.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use e2e::world::{NEW, OLD, World, text, write};
use serde_json::Value;
use trust::{Known, RootPhase};
use updog::kept::{KeptError, Outcome, Record, Step, Wanted, keep, load};

use crate::files::{copy, snapshot};

/// A world whose newer release has two migrations.
fn world() -> World {
    let world = World::unpublished();
    publish(&world, NEW, &[]);
    world
}

fn publish(world: &World, version: &str, more: &[&str]) {
    let folder = world.path("migrations-of");
    fs::create_dir_all(&folder).unwrap();
    let names = ["migrate_v1.1.0_first", "migrate_v1.1.0_second"];
    names.iter().for_each(|name| write(&folder.join(name), name.repeat(100)));
    let listing = format!("[[migrations]]\nfrom = '{OLD}'\nto = '{NEW}'\nfiles = {names:?}\n");
    write(&folder.join("migrations.toml"), listing);
    world.publish(version, &[&["--migrations", text(&folder)], more].concat());
}

/// What a host would keep of the repository as it is.
fn wanted(world: &World) -> Wanted {
    let read = |name: String| {
        let bytes = fs::read(world.path("repo/metadata").join(&name)).unwrap();
        (name, Bytes::from(bytes))
    };
    let always = "2020-01-01T00:00:00Z".parse().unwrap();
    let root = read("1.root.json".to_owned());
    let timestamp = read("timestamp.json".to_owned());
    let phase = RootPhase::start(fs::read(world.path("root.json")).unwrap().into()).unwrap();
    let nothing = Known::nothing();
    let phase = phase.settle(always).unwrap().accept(&nothing, timestamp.1.clone()).unwrap();
    let snapshot = read(phase.file());
    let phase = phase.accept(&nothing, snapshot.1.clone()).unwrap();
    let targets = read(phase.file());
    let repository = phase.accept(targets.1.clone()).unwrap();
    let names = ["manifest.json", "migrate_v1.1.0_first.lz4", "migrate_v1.1.0_second.lz4"];
    Wanted {
        record: Record::new(OLD.parse().unwrap(), NEW.parse().unwrap(), 1),
        metadata: vec![root, timestamp, snapshot, targets],
        targets: names.iter().map(|name| repository.target(name).unwrap()).collect(),
    }
}

/// Keeps it; `look` may cut the run.
fn run(
    world: &World,
    folder: &Path,
    wanted: &Wanted,
    look: &mut dyn FnMut(Step<'_>) -> io::Result<()>,
) -> Result<Outcome, KeptError> {
    let targets = world.path("repo/targets");
    let fetch = |target: &trust::Target| Ok(fs::read(targets.join(target.path())).unwrap().into());
    keep(folder, wanted, fetch, |_| Ok(()), look)
}

/// Version of the snapshot in what is kept, after all of it was verified.
fn kept_version(world: &World, folder: &Path) -> Option<u64> {
    let root = fs::read(world.path("root.json")).unwrap();
    load(folder, &root).unwrap().map(|kept| kept.repository.versions().snapshot)
}

#[test]
fn what_was_prepared_still_verifies_when_the_repository_has_moved_on() {
    let world = world();
    assert_eq!(world.updog(&["verify-kept"]).code, 3, "nothing is kept yet");
    assert_eq!(world.updog(&["prepare"]).code, 0);
    publish(&world, OLD, &[]);
    assert_eq!(world.updog(&["check-update"]).code, 0);
    let kept = world.updog(&["verify-kept", "--json"]);
    assert_eq!(kept.code, 0, "{}", kept.stderr);
    let kept: Value = serde_json::from_str(&kept.stdout).unwrap();
    assert_eq!((&kept["from"], &kept["version"]), (&OLD.into(), &NEW.into()));
    assert_eq!(kept["migrations"].as_array().unwrap().len(), 2, "{kept}");
    assert_eq!(world.server.requests("verify").len(), 0);
}

#[test]
fn what_is_kept_is_a_local_repository() {
    let world = world();
    assert_eq!(world.updog(&["prepare"]).code, 0);
    let kept = world.path("migrations/current");
    let from = ["--from", text(&kept)];
    fs::remove_dir_all(world.path("cache")).unwrap();
    let run = world.updog(&[&from[..], &["check-update"]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn an_update_that_is_there_already_is_kept_again() {
    let world = world();
    assert_eq!(world.updog(&["update-image"]).code, 0);
    fs::remove_dir_all(world.path("migrations")).unwrap();
    assert_eq!(world.updog(&["update-image"]).code, 3);
    assert_eq!(world.updog(&["verify-kept"]).code, 0);
}

/// Changes a file that holds these bytes.
type Damage = fn(&Path, &[u8]);

#[test]
fn damage_is_told_from_absence_and_names_the_file_and_is_mended() {
    let world = world();
    assert_eq!(world.updog(&["prepare"]).code, 0);
    copy(&fs::canonicalize(world.path("migrations/current")).unwrap(), &world.path("good"));
    let good = snapshot(&world.path("good"));
    assert_eq!(good.len(), 8, "{:?}", good.keys());
    let damages: [Damage; 3] = [
        |path, _| fs::remove_file(path).unwrap(),
        |path, bytes| fs::write(path, &bytes[..bytes.len() / 2]).unwrap(),
        // The last value of JSON, or of a compressed migration.
        |path, bytes| fs::write(path, [bytes, b"}"].concat()).unwrap(),
    ];
    for path in good.keys() {
        let name = path.strip_prefix(world.path("good")).unwrap();
        if name.ends_with("1.root.json") {
            continue; // The image has it.
        }
        for damage in damages {
            let path = world.path("migrations/current").join(name);
            damage(&path, &fs::read(&path).unwrap());
            let run = world.updog(&["verify-kept"]);
            assert!([1, 4].contains(&run.code), "{}: {}{}", name.display(), run.code, run.stderr);
            assert!(run.stderr.contains("generation-"), "{}: {}", name.display(), run.stderr);
            assert_eq!(world.updog(&["prepare"]).code, 0, "{}", name.display());
            assert_eq!(world.updog(&["verify-kept"]).code, 0, "{}", name.display());
        }
    }
    fs::remove_dir_all(fs::canonicalize(world.path("migrations/current")).unwrap()).unwrap();
    assert_eq!(world.updog(&["verify-kept"]).code, 1, "a link without its folder is damage");
    fs::remove_file(world.path("migrations/current")).unwrap();
    write(&world.path("migrations/current"), "");
    assert_eq!(world.updog(&["verify-kept"]).code, 1, "a file is no link");
    assert_eq!(world.updog(&["prepare"]).code, 0);
    assert_eq!(world.updog(&["verify-kept"]).code, 0);
}

#[test]
fn a_cut_at_any_step_leaves_the_old_or_the_new_and_the_next_run_cleans_up() {
    let world = world();
    let old = wanted(&world);
    publish(&world, OLD, &[]);
    let new = wanted(&world);
    let mut cuts = 0;
    for cut in 1.. {
        let folder = world.path(&format!("cut-{cut}"));
        run(&world, &folder, &old, &mut |_| Ok(())).unwrap();
        let (mut step, mut renamed) = (0, false);
        let ended = run(&world, &folder, &new, &mut |did| {
            step += 1;
            if step == cut {
                return Err(io::Error::other("the power is cut"));
            }
            renamed |= matches!(did, Step::Renamed(_));
            Ok(())
        });
        let there = kept_version(&world, &folder);
        let versions = [&old, &new].map(|wanted| wanted.metadata[2].0.clone());
        if ended.is_ok() {
            assert!(cut > 12, "{cut} steps only");
            break;
        }
        cuts += 1;
        let name = format!("{}.snapshot.json", there.unwrap());
        assert!(versions.contains(&name), "{cut}: {name}");
        assert!(!renamed || name == versions[1], "{cut}: it counted already");
        run(&world, &folder, &new, &mut |_| Ok(())).unwrap();
        assert_eq!(
            format!("{}.snapshot.json", kept_version(&world, &folder).unwrap()),
            versions[1]
        );
        let names = fs::read_dir(&folder).unwrap().map(|it| it.unwrap().file_name());
        assert_eq!(names.count(), 2, "{cut}: one generation and its link");
    }
    assert!(cuts > 12);
}

#[test]
fn the_first_generation_that_is_cut_is_absent_until_it_is_whole() {
    let world = world();
    let wanted = wanted(&world);
    for cut in 1..=9 {
        let folder = world.path(&format!("first-{cut}"));
        let mut step = 0;
        let ended = run(&world, &folder, &wanted, &mut |_| {
            step += 1;
            if step == cut { Err(io::Error::other("the power is cut")) } else { Ok(()) }
        });
        assert!(ended.is_err(), "{cut}");
        assert_eq!(kept_version(&world, &folder), None, "{cut}");
    }
}

#[test]
fn everything_is_flushed_before_it_counts_and_the_old_goes_after() {
    let world = world();
    let folder = world.path("order");
    let mut wanted = wanted(&world);
    run(&world, &folder, &wanted, &mut |_| Ok(())).unwrap();
    wanted.record = Record::new(OLD.parse().unwrap(), "1.1.0+b2".parse().unwrap(), 1);
    let mut steps: Vec<(&str, PathBuf)> = Vec::new();
    run(&world, &folder, &wanted, &mut |step| {
        steps.push(match step {
            Step::Wrote(path) => ("wrote", path.to_owned()),
            Step::Flushed(path) => ("flushed", path.to_owned()),
            Step::Renamed(path) => ("renamed", path.to_owned()),
            Step::Removed(path) => ("removed", path.to_owned()),
        });
        Ok(())
    })
    .unwrap();
    let renamed = steps.iter().position(|(what, _)| *what == "renamed").unwrap();
    for (at, (_, path)) in steps.iter().enumerate().filter(|(_, (what, _))| *what == "wrote") {
        for above in path.ancestors().skip(1).take_while(|above| above.starts_with(&folder)) {
            let flushed =
                steps.iter().skip(at).position(|step| *step == ("flushed", above.to_owned()));
            assert!(flushed.is_some_and(|after| at + after < renamed), "{}", above.display());
        }
    }
    assert_eq!(steps[renamed + 1], ("flushed", folder.clone()));
    assert_eq!(steps[renamed + 2], ("removed", folder.join("generation-1")));
}

#[test]
fn the_same_again_is_not_written() {
    let world = world();
    let (folder, wanted) = (world.path("same"), wanted(&world));
    assert_eq!(run(&world, &folder, &wanted, &mut |_| Ok(())).unwrap(), Outcome::Kept);
    let inode = |path: &str| fs::metadata(folder.join(path)).unwrap().ino();
    let before = (snapshot(&folder), inode("current"));
    let mut quiet = |step: Step<'_>| panic!("{step:?}");
    assert_eq!(run(&world, &folder, &wanted, &mut quiet).unwrap(), Outcome::Same);
    assert_eq!((snapshot(&folder), inode("current")), before);
}

#[test]
fn what_was_valid_when_it_was_signed_moves_the_settings_however_late() {
    let world = World::unpublished();
    // Weeks ago by any clock.
    let then = ["--now", "2020-01-01T00:00:00Z"];
    world.init(&then);
    publish(&world, NEW, &then);
    let folder = world.path("late");
    run(&world, &folder, &wanted(&world), &mut |_| Ok(())).unwrap();
    assert!(kept_version(&world, &folder).is_some());
    assert_eq!(world.updog(&["check-update"]).code, 4, "as an update it is refused");
}

#[test]
fn roots_lead_from_whichever_root_came_with_the_image() {
    let world = world();
    let (repo, keys) = (world.path("repo"), world.path("keys"));
    let arguments = ["refresh", "--root", "--repo", text(&repo), "--keys", text(&keys)];
    e2e::programs::must("repo-tools", &arguments);
    e2e::programs::must("repo-tools", &arguments);
    let root = |version: u32| {
        fs::copy(repo.join(format!("metadata/{version}.root.json")), world.path("root.json"))
    };
    // The image that runs has the second, and the one that boots next any.
    root(2).unwrap();
    assert_eq!(world.updog(&["prepare"]).code, 0);
    for version in [1, 2, 3] {
        root(version).unwrap();
        let kept = world.updog(&["verify-kept"]);
        assert_eq!(kept.code, 0, "{version}: {}", kept.stderr);
    }
    // What is kept already is not fetched again.
    world.server.behave();
    assert_eq!(world.updog(&["prepare"]).code, 0);
    assert_eq!(world.server.requests("1.root.json").len(), 0);
    fs::remove_file(world.path("migrations/current/metadata/3.root.json")).unwrap();
    root(1).unwrap();
    let damaged = world.updog(&["verify-kept"]);
    assert_eq!(damaged.code, 1, "{}", damaged.stderr);
    assert!(damaged.stderr.contains("3.root.json"), "{}", damaged.stderr);
}

#[test]
fn two_writers_at_once_are_one_after_the_other() {
    let world = world();
    let (folder, wanted) = (world.path("busy"), wanted(&world));
    let ended = run(&world, &folder, &wanted, &mut |step| {
        if let Step::Wrote(_) = step {
            let other = run(&world, &folder, &wanted, &mut |_| Ok(()));
            assert!(matches!(other, Err(KeptError::Busy { .. })));
            let root = fs::read(world.path("root.json")).unwrap();
            assert!(matches!(load(&folder, &root), Err(KeptError::Busy { .. })));
        }
        Ok(())
    });
    assert_eq!(ended.unwrap(), Outcome::Kept);
}
