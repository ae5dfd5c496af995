//! A bundle that `repo-tools mirror` made takes the place of a server, and is trusted no more than one.

use std::fs;
use std::path::Path;

use e2e::programs::{self, Finished};
use e2e::world::{NEW, OLD, Part, World, text, write};
use gptprio::SetId;
use serde_json::Value;

use crate::files::{copy, snapshot};

/// Both forms.
const FORMS: [&str; 2] = ["bundle", "bundle.tar"];

fn mirror(world: &World, to: &str, more: &[&str]) -> Finished {
    let (repo, to) = (world.path("repo"), world.path(to));
    let arguments = ["mirror", "--repo", text(&repo), "--to", text(&to)];
    programs::run("repo-tools", &[&arguments[..], more].concat())
}

fn must_mirror(world: &World, to: &str, more: &[&str]) {
    let made = mirror(world, to, more);
    assert_eq!(made.code, 0, "{}", made.stderr);
}

fn updog(world: &World, from: &str, arguments: &[&str]) -> Finished {
    let from = world.path(from);
    world.updog(&[&["--from", text(&from)], arguments].concat())
}

fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

/// The one file of a folder whose name ends so.
fn find(folder: &Path, end: &str) -> std::path::PathBuf {
    let mut paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.find(|path| text(path).ends_with(end)).unwrap()
}

/// Runs `update`, which must fail with this code, and leaves disk and store as they were.
#[track_caller]
fn fails(world: &World, from: &str, code: i32) -> String {
    let places = ["cache", "migrations", "state"].map(|name| world.path(name));
    let before = (fs::read(world.disk()).unwrap(), places.clone().map(|place| snapshot(&place)));
    let run = updog(world, from, &["update"]);
    assert_eq!(run.code, code, "{}{}", run.stdout, run.stderr);
    assert!(fs::read(world.disk()).unwrap() == before.0, "the disk was changed");
    assert_eq!(places.map(|place| snapshot(&place)), before.1, "a record was changed");
    run.stderr
}

#[test]
fn a_host_is_updated_from_a_bundle_and_asks_no_server() {
    for form in FORMS {
        let world = World::new();
        must_mirror(&world, form, &[]);
        fs::remove_dir_all(world.path("repo")).unwrap();
        assert_eq!(updog(&world, form, &["check-update"]).code, 0);
        let run = updog(&world, form, &["update"]);
        assert_eq!(run.code, 0, "{form}: {}", run.stderr);
        assert!(world.holds(SetId::B, NEW) && world.holds(SetId::A, OLD), "{form}");
        assert_eq!(world.next(), Some(SetId::B), "{form}");
        assert_eq!(world.updog(&["verify-kept"]).code, 0, "{form}");
        assert_eq!(world.server.requests("").len(), 0, "{form}");
    }
}

#[test]
fn a_repository_on_a_medium_is_a_bundle_and_so_is_one_that_gnu_tar_packed() {
    let world = World::new();
    assert_eq!(updog(&world, "repo", &["check-update"]).code, 0);
    for format in ["gnu", "pax"] {
        let tar = world.path("packed.tar");
        let format = format!("--format={format}");
        let mut pack = std::process::Command::new("tar");
        pack.args([&format, "-cf", text(&tar), "-C", text(&world.path("repo")), "."]);
        assert_eq!(programs::finished(&mut pack).code, 0);
        let run = updog(&world, "packed.tar", &["update-image", "--dry-run"]);
        assert_eq!(run.code, 0, "{format}: {}", run.stderr);
    }
}

#[test]
fn a_bundle_is_made_once_and_gives_way_only_when_told() {
    for form in FORMS {
        let world = World::new();
        let dry = mirror(&world, form, &["--dry-run", "--json"]);
        assert_eq!((dry.code, world.path(form).exists()), (0, false), "{form}: {}", dry.stderr);
        let plan: Value = serde_json::from_str(&dry.stdout).unwrap();
        assert_eq!((&plan["dry_run"], &plan["targets"]), (&true.into(), &7.into()), "{plan}");
        must_mirror(&world, form, &[]);
        assert_eq!(mirror(&world, form, &[]).code, 3, "{form}");
        world.publish(OLD, &[]);
        let other = mirror(&world, form, &[]);
        assert_eq!(other.code, 4, "{form}: {}", other.stderr);
        assert!(other.stderr.contains("--replace"), "{form}: {}", other.stderr);
        must_mirror(&world, form, &["--replace"]);
        assert_eq!(mirror(&world, form, &[]).code, 3, "{form}");
        let names = fs::read_dir(world.path("")).unwrap().map(|it| it.unwrap().file_name());
        assert!(names.into_iter().all(|name| !text(Path::new(&name)).starts_with('.')), "{form}");
    }
}

#[test]
fn what_is_no_bundle_is_never_replaced() {
    let world = World::new();
    fs::create_dir(world.path("mine")).unwrap();
    write(&world.path("mine/thesis"), "years");
    for more in [&[][..], &["--replace"]] {
        assert_eq!(mirror(&world, "mine", more).code, 4);
    }
    assert_eq!(fs::read(world.path("mine/thesis")).unwrap(), b"years");
}

#[test]
fn a_bundle_is_not_made_of_what_a_host_would_refuse() {
    for form in FORMS {
        let world = World::new();
        edit(&world.target(Part::Root), |bytes| bytes[1000] ^= 1);
        let damaged = mirror(&world, form, &[]);
        assert_eq!(damaged.code, 4, "{form}: {}", damaged.stderr);
        assert!(!world.path(form).exists(), "{form}");
        let expired = mirror(&world, form, &["--now", "2999-01-01T00:00:00Z"]);
        assert_eq!(expired.code, 4, "{form}");
        assert!(expired.stderr.contains("expired"), "{form}: {}", expired.stderr);
        let unknown = mirror(&world, form, &["--version", "9.9.9"]);
        assert_eq!(unknown.code, 2, "{form}: {}", unknown.stderr);
    }
}

#[test]
fn a_tampered_target_is_refused_and_does_not_boot() {
    for form in FORMS {
        let world = World::of_images();
        let image = fs::read(world.target(Part::Root)).unwrap();
        must_mirror(&world, form, &[]);
        let path = match form {
            "bundle" => find(&world.path("bundle/targets"), "root.img.lz4"),
            _ => world.path(form),
        };
        let middle = &image[image.len() / 2..][..64];
        edit(&path, |bytes| {
            let at = bytes.windows(64).position(|window| window == middle).unwrap();
            bytes[at] ^= 1;
        });
        let run = updog(&world, form, &["update"]);
        assert_eq!(run.code, 4, "{form}: {}", run.stderr);
        assert!(run.stderr.contains("root image"), "{form}: {}", run.stderr);
        assert_eq!(world.next(), Some(SetId::A), "{form}");
        assert!(world.holds(SetId::A, OLD), "{form}");
    }
}

#[test]
fn tampered_metadata_is_refused() {
    let world = World::new();
    must_mirror(&world, "bundle", &[]);
    assert_eq!(updog(&world, "bundle", &["check-update"]).code, 0);
    for name in ["timestamp.json", "2.snapshot.json", "2.targets.json"] {
        copy(&world.path("bundle"), &world.path("tampered"));
        edit(&world.path("tampered/metadata").join(name), |bytes| {
            let at = bytes.windows(9).position(|window| window == b"\"version\"").unwrap();
            bytes[at + 1] = b'w';
        });
        // What the host knows already it does not read again.
        fs::remove_dir_all(world.path("cache")).unwrap();
        assert_eq!(updog(&world, "tampered", &["update"]).code, 4, "{name}");
        assert_eq!(world.next(), Some(SetId::A), "{name}");
    }
}

#[test]
fn a_tar_file_that_ends_early_fails_whatever_it_still_holds() {
    let world = World::new();
    must_mirror(&world, "bundle.tar", &[]);
    let whole = fs::read(world.path("bundle.tar")).unwrap();
    // In the first header, in an image, without the end mark, and with half of it.
    for cut in [100, whole.len() / 2, whole.len() - 1024, whole.len() - 512] {
        fs::write(world.path("cut.tar"), &whole[..cut]).unwrap();
        let error = fails(&world, "cut.tar", 1);
        assert!(error.contains("ends early"), "{cut}: {error}");
    }
}

#[test]
fn a_file_that_is_cut_in_a_folder_is_refused_before_anything_is_changed() {
    let world = World::new();
    must_mirror(&world, "bundle", &[]);
    assert_eq!(updog(&world, "bundle", &["check-update"]).code, 0);
    let image = find(&world.path("bundle/targets"), "boot.img.lz4");
    edit(&image, |bytes| bytes.truncate(bytes.len() / 2));
    let error = fails(&world, "bundle", 4);
    assert!(error.contains("are signed for"), "{error}");
}

#[test]
fn a_bundle_older_than_what_the_host_knows_is_a_rollback() {
    for form in FORMS {
        let world = World::new();
        must_mirror(&world, form, &[]);
        world.publish(OLD, &[]);
        assert_eq!(world.updog(&["check-update"]).code, 0, "{form}");
        let error = fails(&world, form, 4);
        assert!(error.contains("went back from version"), "{form}: {error}");
    }
}

#[test]
fn an_expired_bundle_is_refused_since_when() {
    for form in FORMS {
        let world = World::unpublished();
        let then = ["--now", "2020-01-01T00:00:00Z"];
        world.init(&then);
        must_mirror(&world, form, &then);
        let run = updog(&world, form, &["update"]);
        assert_eq!(run.code, 4, "{form}: {}", run.stderr);
        assert!(run.stderr.contains("expired at 2020-"), "{form}: {}", run.stderr);
        assert_eq!(world.next(), Some(SetId::A), "{form}");
    }
}

#[test]
fn a_bundle_without_the_wanted_release_says_so_before_anything_is_changed() {
    for form in FORMS {
        let world = World::new();
        world.publish(OLD, &[]);
        must_mirror(&world, form, &["--version", OLD, "--variant", "small"]);
        assert_eq!(updog(&world, form, &["check-update"]).code, 0, "{form}: the manifest has both");
        let error = fails(&world, form, 1);
        assert!(error.contains("does not hold targets/"), "{form}: {error}");
        let other = updog(&world, form, &["update-image", "-i", OLD]);
        assert_eq!(other.code, 0, "{form}: {}", other.stderr);
    }
}

#[test]
fn what_is_no_bundle_is_said_to_be_none() {
    let world = World::new();
    write(&world.path("text.tar"), "x".repeat(2048));
    assert!(fails(&world, "text.tar", 4).contains("no tar header"));
    assert!(fails(&world, "nowhere", 1).contains("cannot read"));
}
