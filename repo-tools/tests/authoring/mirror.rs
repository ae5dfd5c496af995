//! Bundles: what is in them, and what a cut leaves.

use std::fs;
use std::path::{Path, PathBuf};

use repo_tools::{Choice, Depth, Error, Existing, Outcome, Result, Selection, Unobserved, select};
use trust::{DirectorySource, Store};

use crate::world::World;

fn selected(world: &World, versions: &[&str]) -> Result<Selection> {
    let versions = versions.iter().map(|version| version.parse().unwrap()).collect();
    let choice = Choice { versions, ..Choice::default() };
    select(&world.author.layout, &choice, world.author.now)
}

fn write(world: &World, to: &Path, existing: Existing) -> Result<Outcome> {
    selected(world, &[])?.write(to, existing, &|_| ()).map(|mirrored| mirrored.outcome)
}

fn names(folder: PathBuf) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_client_reads_a_bundle_as_it_reads_the_repository() {
    let world = World::published();
    for _ in 0..2 {
        repo_tools::refresh(&world.author, Depth::Root, &mut Unobserved).unwrap();
    }
    let to = world.path("bundle");
    write(&world, &to, Existing::Stays).unwrap();
    let expected = [
        "1.root.json",
        "2.root.json",
        "3.root.json",
        "4.snapshot.json",
        "4.targets.json",
        "timestamp.json",
    ];
    assert_eq!(
        names(to.join("metadata")),
        expected,
        "older snapshots and targets metadata stay behind"
    );
    let source = DirectorySource::new(to.join("metadata"));
    let store = Store::open(world.path("store")).unwrap();
    let root = fs::read(to.join("metadata/1.root.json")).unwrap();
    let refresh = trust::refresh(&source, &store, &root, world.author.now);
    let repository = crate::world::block_on(refresh).unwrap();
    for target in repository.targets() {
        target.check(&fs::read(to.join("targets").join(target.path())).unwrap()).unwrap();
    }
}

#[test]
fn only_what_was_chosen_is_copied() {
    let world = World::published();
    world.add("1.1.0").unwrap();
    let to = world.path("bundle");
    selected(&world, &["1.0.0"]).unwrap().write(&to, Existing::Stays, &|_| ()).unwrap();
    let targets = names(to.join("targets"));
    assert_eq!(targets.len(), 4, "{targets:?}");
    assert!(!targets.iter().any(|name| name.contains("1.1.0")), "{targets:?}");
    assert!(matches!(selected(&world, &["1.0.0", "3.0.0"]), Err(Error::NoRelease(_))));
}

#[test]
fn a_tar_file_of_the_same_releases_has_the_same_bytes() {
    let world = World::published();
    let [one, two] = ["one.tar", "two.tar"].map(|name| world.path(name));
    for to in [&one, &two] {
        assert_eq!(write(&world, to, Existing::Stays).unwrap(), Outcome::Done);
    }
    assert_eq!(fs::read(&one).unwrap(), fs::read(&two).unwrap());
    assert_eq!(write(&world, &one, Existing::Stays).unwrap(), Outcome::NothingToDo);
    // A longer file holds something else, too.
    fs::write(&one, [fs::read(&two).unwrap(), vec![0]].concat()).unwrap();
    assert!(matches!(write(&world, &one, Existing::Stays), Err(Error::OtherBundle(_))));
}

#[test]
fn a_folder_that_was_giving_way_when_the_run_was_cut_comes_back() {
    let world = World::published();
    let to = world.path("bundle");
    write(&world, &to, Existing::Stays).unwrap();
    // Cut between the two renames, with the new one still under its other name.
    fs::rename(&to, world.path(".old-bundle")).unwrap();
    fs::create_dir_all(world.path(".new-bundle/metadata")).unwrap();
    assert_eq!(write(&world, &to, Existing::Stays).unwrap(), Outcome::NothingToDo);
    // Cut after them.
    fs::create_dir_all(world.path(".old-bundle/metadata")).unwrap();
    assert_eq!(write(&world, &to, Existing::Stays).unwrap(), Outcome::NothingToDo);
    for left_over in [".old-bundle", ".new-bundle"] {
        assert!(!world.path(left_over).exists(), "{left_over}");
    }
}

#[test]
fn a_target_that_is_not_the_signed_one_leaves_nothing_behind() {
    let world = World::published();
    let folder = world.author.layout.targets().to_owned();
    let image = names(folder.clone()).into_iter().find(|name| name.contains("root")).unwrap();
    let good = fs::read(folder.join(&image)).unwrap();
    for bad in [&good[..good.len() - 1], &[&good[..], b"x"].concat(), &vec![0; good.len()]] {
        fs::write(folder.join(&image), bad).unwrap();
        for name in ["bundle", "bundle.tar"] {
            let error = write(&world, &world.path(name), Existing::Stays).unwrap_err();
            assert!(matches!(error, Error::Trust { .. }), "{name}: {error}");
            for left_over in [name.to_owned(), format!(".new-{name}")] {
                assert!(!world.path(&left_over).exists(), "{left_over}");
            }
        }
    }
}
