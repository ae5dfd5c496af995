//! What readers see while a release is being published, and after a run that was cut.

use std::io;

use repo_tools::{Add, Checkup, Depth, Form, Framing, Observer, Outcome, Step};
use trust::Repository;
use verity::Params;

use crate::packs;
use crate::world::World;

/// Has a client read everything after each step.
struct Reader<'a> {
    world: &'a World,
    timestamps: Vec<u64>,
}

impl Observer for Reader<'_> {
    fn after(&mut self, _: Step<'_>) -> io::Result<()> {
        let repository = self.world.client("reader").unwrap();
        read_all(self.world, &repository);
        self.timestamps.push(repository.versions().timestamp);
        Ok(())
    }
}

/// Reads every target of every release that the manifest names.
fn read_all(world: &World, repository: &Repository) {
    let bytes = world.target(repository, "manifest.json");
    let manifest = manifest::Manifest::parse(&bytes).unwrap();
    for update in &manifest.updates {
        let packs = update.packs.iter().map(|pack| pack.target.as_str());
        let frames = update.frames.iter().flat_map(|frames| frames.names());
        for name in update.images.names().into_iter().chain(packs).chain(frames) {
            world.target(repository, name);
        }
    }
}

#[test]
fn a_reader_never_sees_a_half_published_release() {
    let world = World::published();
    let mut reader = Reader { world: &world, timestamps: Vec::new() };
    repo_tools::add(&world.author, &world.options("1.1.0"), &mut reader).unwrap();
    // Three images, a manifest and three metadata files, of three steps each.
    assert_eq!(reader.timestamps.len(), 21);
    let (old, new) = reader.timestamps.split_at(19);
    assert!(old.iter().all(|version| *version == 2), "{old:?}");
    assert_eq!(new, [3, 3], "the rename of the timestamp is what readers see");
}

#[test]
fn a_reader_never_sees_a_half_published_pack() {
    let world = packs::published(0);
    packs::build(&world, 1, &Params::for_product_line("small"));
    let mut reader = Reader { world: &world, timestamps: Vec::new() };
    repo_tools::add(&world.author, &world.options("1.1.0"), &mut reader).unwrap();
    assert_eq!(reader.timestamps.len(), 33, "frames and a pack beside the three images");
    assert!(reader.timestamps[..31].iter().all(|version| *version == 2));
    assert_eq!(world.update("1.1.0").packs.len(), 1);
    assert!(world.update("1.1.0").frames.is_some());
}

#[test]
fn a_reader_never_sees_a_half_refreshed_repository() {
    let world = World::published();
    let mut reader = Reader { world: &world, timestamps: Vec::new() };
    repo_tools::refresh(&world.author, Depth::Root, &mut reader).unwrap();
    assert_eq!(reader.timestamps.len(), 15);
}

#[test]
fn frames_alone_that_were_cut_anywhere_are_simply_made_again() {
    // Index, frames of two images, hash image, pack, manifest and three metadata files, of three steps each.
    for steps in 0..27 {
        let world = packs::published(0);
        packs::build(&world, 1, &Params::for_product_line("small"));
        let framing = Framing { form: Form::Frames, ..Framing::default() };
        let options = Add { framing, ..world.options("1.1.0") };
        repo_tools::add(&world.author, &options, &mut Cut { steps }).unwrap_err();
        read_all(&world, &world.client("reader").unwrap());
        world.add_with(&options).unwrap();
        read_all(&world, &world.client("reader").unwrap());
        let update = world.update("1.1.0");
        assert_eq!((update.packs.len(), update.frames.is_some()), (1, true), "cut after {steps}");
    }
}

/// Cuts the run after so many steps.
struct Cut {
    steps: usize,
}

impl Observer for Cut {
    fn after(&mut self, _: Step<'_>) -> io::Result<()> {
        match self.steps.checked_sub(1) {
            Some(left) => {
                self.steps = left;
                Ok(())
            }
            None => Err(io::Error::other("the power failed")),
        }
    }
}

#[test]
fn a_run_that_was_cut_anywhere_is_simply_run_again() {
    for steps in 0..21 {
        let world = World::published();
        world.client("reader").unwrap();
        let options = world.options("1.1.0");
        let error = repo_tools::add(&world.author, &options, &mut Cut { steps }).unwrap_err();
        assert!(error.to_string().starts_with("cannot write"), "{error}");
        let is_published = steps >= 19;
        let expected = if is_published { 3 } else { 2 };
        let repository = world.client("reader").unwrap();
        read_all(&world, &repository);
        assert_eq!(repository.versions().timestamp, expected, "cut after {steps}");

        let again = world.add_with(&options).unwrap();
        assert_eq!(again.outcome == Outcome::NothingToDo, is_published, "cut after {steps}");
        let repository = world.client("reader").unwrap();
        read_all(&world, &repository);
        assert_eq!(repository.versions().timestamp, 3);
        let checkup =
            Checkup { now: world.author.now, soon: "1 day".parse().unwrap(), quick: false };
        let checked = repo_tools::check(&world.author.layout, &checkup).unwrap();
        assert_eq!(checked.errors(), 0, "{checked}");
    }
}
