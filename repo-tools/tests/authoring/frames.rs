//! Seekable frames beside releases, and in their place.

use std::fs;
use std::path::Path;

use frames::make::Level;
use frames::{Decoder, ImageIndex, Index};
use manifest::{Frames, Update};
use repo_tools::{
    Add, Choice, Error, Existing, Form, Framing, ListedFrames, Outcome, Packing, Severity,
    Unobserved, list, select, withdraw,
};
use verity::{BLOCK_SIZE, Params, Region};

use crate::checkup;
use crate::packs::{build, images, noise, publish, published, version, write};
use crate::world::{World, selector};

fn options(world: &World, version: &str, form: Form) -> Add {
    Add { framing: Framing { form, ..Framing::default() }, ..world.options(version) }
}

/// A repository with the releases 1.0.0 to 1.`minor`.0, all of them in this form.
fn published_as(form: Form, minor: u8) -> World {
    let world = World::new();
    for minor in 0..=minor {
        build(&world, minor, &Params::for_product_line("small"));
        world.add_with(&options(&world, &version(minor), form)).unwrap();
    }
    world
}

fn frames(world: &World, version: &str) -> Frames {
    world.update(version).frames.unwrap()
}

fn bytes(world: &World, name: &str) -> Vec<u8> {
    world.target(&world.client("client").unwrap(), name)
}

fn index(world: &World, version: &str) -> Index {
    Index::parse(&bytes(world, &frames(world, version).index)).unwrap()
}

/// What a host makes of the frames, one by one.
fn decoded(index: &ImageIndex, target: &[u8]) -> Vec<u8> {
    let (mut decoder, mut image) = (Decoder::new().unwrap(), Vec::new());
    for frame in index.frames() {
        let start = usize::try_from(frame.offset).unwrap();
        let end = start + usize::try_from(frame.length).unwrap();
        let mut raw = vec![0; frame.raw_bytes()];
        decoder.decode(frame, &target[start..end], &mut raw).unwrap();
        image.extend(raw);
    }
    image
}

/// The names of all targets that readers see.
fn names(world: &World) -> Vec<String> {
    let repository = world.client("client").unwrap();
    let mut names: Vec<String> = repository.targets().map(|target| target.to_string()).collect();
    names.sort();
    names
}

fn check_frames(world: &World, minor: u8) {
    let version = version(minor);
    let (frames, index) = (frames(world, &version), index(world, &version));
    for (name, index, raw) in [
        (&frames.root, index.root(), &images(minor)[0]),
        (&frames.boot, index.boot(), &images(minor)[1]),
    ] {
        let target = bytes(world, name);
        let image = decoded(index, &target);
        assert!(image[..raw.len()] == raw[..], "{name}");
        assert!(zstd::stream::decode_all(&target[..]).unwrap() == *raw, "{name} as one stream");
    }
}

#[test]
fn the_frames_of_each_release_give_its_images() {
    let world = published(2);
    for minor in 0..=2 {
        check_frames(&world, minor);
    }
    let expected = Frames::new(
        "small-x86_64-1.2.0-frames.index",
        "small-x86_64-1.2.0-root.frames.zst",
        "small-x86_64-1.2.0-boot.frames.zst",
    );
    assert_eq!(frames(&world, "1.2.0"), expected);
    assert!(world.update("1.2.0").images.root.ends_with("root.img.lz4"));
}

#[test]
fn hosts_of_the_last_releases_fetch_frames_of_nothing_that_they_have() {
    let world = published(3);
    let new = index(&world, "1.3.0");
    let zero = verity::BlockHasher::new(&new.params().salt).digest(&[0; BLOCK_SIZE]);
    for old in ["1.0.0", "1.1.0", "1.2.0"] {
        let old = index(&world, old);
        let inventory = |image: &ImageIndex| {
            verity::Inventory::of(&Region::Prefixes(image.prefixes())).unwrap()
        };
        let held = [inventory(old.root()), inventory(old.boot())];
        let mut lacking = 0;
        for frame in new.root().frames() {
            let first = usize::try_from(frame.first).unwrap();
            let blocks = &new.root().prefixes()[first..][..frame.raw_bytes() / BLOCK_SIZE];
            let has = |it: &verity::Prefix| held.iter().any(|held| held.has(*it));
            let blocks = blocks.iter().filter(|it| **it != verity::Prefix::of(&zero));
            let mut has = blocks.map(has);
            let first = has.next();
            lacking += usize::from(first == Some(false));
            assert!(has.all(|it| Some(it) == first), "{frame:?}");
        }
        assert!(lacking > 0);
    }
}

#[test]
fn the_result_and_the_list_say_which_frames_there_are() {
    let world = published(0);
    let added = publish(&world, 1);
    assert_eq!((added.targets.len(), added.frames.len()), (3, 3));
    assert!(added.frames.iter().all(|target| target.is_new && target.length > 0));
    assert!(added.to_string().contains("small-x86_64-1.1.0-root.frames.zst"), "{added}");
    assert_eq!(added.without_frames, None);
    let listed = list(&world.author.layout, world.author.now).unwrap();
    let [index, root, boot] = [0, 1, 2].map(|place: usize| added.frames[place].length);
    let expected = ListedFrames { index_bytes: Some(index), bytes: Some(root + boot) };
    assert_eq!(listed.releases[0].frames, Some(expected));
    assert!(listed.to_string().contains("frames, 1 pack"), "{listed}");

    let before = world.snapshot();
    let again = world.add("1.1.0").unwrap();
    assert_eq!((again.outcome, again.frames.len()), (Outcome::NothingToDo, 3));
    assert!(again.frames.iter().all(|target| !target.is_new));
    assert_eq!(world.snapshot(), before);
}

#[test]
fn frames_come_to_a_release_later_and_go_when_it_is_replaced_without() {
    let world = published_as(Form::Lz4, 1);
    assert_eq!(world.update("1.1.0").frames, None);
    assert!(!names(&world).iter().any(|name| name.contains("frames")));

    let later = world.add("1.1.0").unwrap();
    assert_eq!((later.outcome, later.frames.len()), (Outcome::Done, 3));
    assert!(later.targets.iter().all(|target| !target.is_new));
    check_frames(&world, 1);
    // What is there stays, whichever form is asked for.
    let lz4 = options(&world, "1.1.0", Form::Lz4);
    assert_eq!(world.add_with(&lz4).unwrap().outcome, Outcome::NothingToDo);

    let replaced = world.add_with(&Add { replace: true, ..world.options("1.1.0") }).unwrap();
    assert!(replaced.frames.iter().all(|target| !target.is_new), "the same frames again");
    world.add_with(&Add { replace: true, ..lz4 }).unwrap();
    assert_eq!(world.update("1.1.0").frames, None);
    assert!(!names(&world).iter().any(|name| name.contains("frames")));
}

#[test]
fn frames_alone_are_the_images() {
    let world = published_as(Form::Frames, 2);
    for minor in 0..=2 {
        check_frames(&world, minor);
    }
    let update = world.update("1.2.0");
    let frames = update.frames.clone().unwrap();
    assert_eq!([&update.images.root, &update.images.boot], [&frames.root, &frames.boot]);
    let hash = zstd::stream::decode_all(&bytes(&world, &update.images.hash)[..]).unwrap();
    let contents = update.contents.unwrap();
    let found = trust::Sha256::of(&hash);
    assert_eq!(found, trust::Sha256::from(*contents.hash.sha256.as_bytes()));
    assert!(!names(&world).iter().any(|name| name.ends_with(".lz4")), "{:?}", names(&world));
    // Packs come from images that are frames, too.
    assert_eq!(update.packs.len(), 2);
    assert!(checkup::findings(&world, Severity::Error).is_empty());
    assert!(checkup::findings(&world, Severity::Warning).is_empty());
    assert_eq!(
        withdraw(&world.author, &selector("1.2.0"), &mut Unobserved).unwrap().outcome,
        Outcome::Done
    );
    check_frames(&world, 2);
}

#[test]
fn the_form_of_a_published_release_changes_only_with_replace() {
    let world = published_as(Form::Frames, 1);
    let before = world.snapshot();
    for form in [Form::Frames, Form::Both, Form::Lz4] {
        let again = world.add_with(&options(&world, "1.1.0", form)).unwrap();
        assert_eq!(again.outcome, Outcome::NothingToDo, "{form:?}");
        assert_eq!((again.targets.len(), again.frames.len()), (3, 1));
    }
    assert_eq!(world.snapshot(), before);
    write(&world, "1.1.0", &Params::for_product_line("small"), &noise(7, 40960), &noise(8, 9000));
    let other = world.add_with(&options(&world, "1.1.0", Form::Frames)).unwrap_err();
    assert!(matches!(other, Error::Different(_)), "{other}");

    build(&world, 1, &Params::for_product_line("small"));
    for (form, ending) in [(Form::Both, "hash.img.zst"), (Form::Frames, "1.1.0-root.img.lz4")] {
        let replace = Add { replace: true, ..options(&world, "1.1.0", form) };
        assert_eq!(world.add_with(&replace).unwrap().outcome, Outcome::Done);
        let gone = |name: &String| name.contains("1.1.0") && name.ends_with(ending);
        assert!(!names(&world).iter().any(gone), "{:?}", names(&world));
        check_frames(&world, 1);
        assert!(checkup::findings(&world, Severity::Error).is_empty());
    }
}

#[test]
fn a_release_that_is_not_fit_has_no_frames_and_is_not_published_as_frames_alone() {
    let world = World::new();
    let added = world.add("1.0.0").unwrap(); // its tree is none
    assert!(added.without_frames.as_ref().unwrap().contains("the tree of 1.0.0 cannot be used"));
    assert!(added.to_string().contains("no frames: the tree"), "{added}");
    assert_eq!(world.add("1.0.0").unwrap().outcome, Outcome::NothingToDo);

    let alone = world.add_with(&options(&world, "1.1.0", Form::Frames)).unwrap_err();
    assert!(matches!(alone, Error::NoFrames { .. }), "{alone}");
    assert_eq!(world.manifest().updates.len(), 1);
}

#[test]
fn an_older_release_that_cannot_be_read_is_passed_over() {
    let world = World::published(); // its tree is none
    publish(&world, 1);
    check_frames(&world, 1);
    let none =
        Add { packing: Packing { quiet: true, ..Packing::default() }, ..world.options("1.2.0") };
    build(&world, 2, &Params::for_product_line("other"));
    world.add_with(&none).unwrap();
    publish(&world, 3); // the salt of 1.2.0 is another
    check_frames(&world, 3);
}

#[test]
fn a_higher_level_makes_other_frames_of_the_same_images() {
    let world = World::new();
    build(&world, 0, &Params::for_product_line("small"));
    let framing = Framing { level: Level::new(1), ..Framing::default() };
    world.add_with(&Add { framing, ..world.options("1.0.0") }).unwrap();
    check_frames(&world, 0);
}

fn errors(world: &World) -> Vec<String> {
    checkup::findings(world, Severity::Error)
}

#[test]
fn frames_that_are_not_what_the_manifest_says_are_found() {
    let other = manifest::Digest::new([7; 32]);
    type Edit<'a> = (&'a str, &'a dyn Fn(&mut Update));
    let edits: [Edit<'_>; 5] = [
        ("which is no target", &|it| it.frames.as_mut().unwrap().root = "absent.zst".into()),
        ("where the manifest says", &|it| it.contents.as_mut().unwrap().boot.length += 4096),
        ("do not give the image", &|it| it.contents.as_mut().unwrap().boot.sha256 = other),
        ("is of another tree", &|it| it.contents.as_mut().unwrap().hash.sha256 = other),
        ("cannot be read", &|it| {
            let frames = it.frames.as_mut().unwrap();
            std::mem::swap(&mut frames.index, &mut frames.boot);
        }),
    ];
    for (said, edit) in edits {
        let world = published(1);
        world.publish_manifest(|manifest| edit(&mut manifest.updates[1]));
        let errors = errors(&world);
        assert!(errors.iter().any(|error| error.contains(said)), "{said}: {errors:?}");
    }
}

#[test]
fn frames_and_indexes_of_something_else_are_found() {
    let world = published(1);
    let Frames { index, root, .. } = frames(&world, "1.1.0");
    let (whole_index, whole_root) = (bytes(&world, &index), bytes(&world, &root));
    let damaged = |bytes: &[u8], place: usize| {
        let mut bytes = bytes.to_vec();
        bytes[place] ^= 1;
        bytes
    };
    // Salt, UUID, a prefix; a frame, the seek table, the length.
    let cases: [(&str, &str, Vec<u8>); 7] = [
        ("hold another block 0 than", &index, damaged(&whole_index, 20)),
        ("is of another tree", &index, damaged(&whole_index, 14 + 32 + 3)),
        ("hold another block 1 than", &index, damaged(&whole_index, 14 + 32 + 16 + 4 + 9)),
        ("cannot be read", &index, whole_index[1..].to_vec()),
        ("root", &root, damaged(&whole_root, 50)),
        ("another seek table", &root, damaged(&whole_root, whole_root.len() - 1)),
        ("where their index says", &root, whole_root[1..].to_vec()),
    ];
    for (said, name, bytes) in cases {
        world.publish_elsewhere(&[(name, &bytes)]);
        let errors = errors(&world);
        assert!(errors.iter().any(|error| error.contains(said)), "{said}: {errors:?}");
        world.publish_elsewhere(&[(&index, &whole_index), (&root, &whole_root)]);
    }
    assert!(errors(&world).is_empty());
}

/// The file names below `targets` that have to do with frames.
fn carried(bundle: &Path) -> Vec<String> {
    let entries = fs::read_dir(bundle.join("targets")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names
        .filter(|name| name.contains("frames"))
        .map(|name| name.split_once('.').unwrap().1.to_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_bundle_has_the_frames_of_its_releases() {
    let world = published(2);
    let choice = Choice { versions: vec!["1.1.0".parse().unwrap()], ..Choice::default() };
    let selection = select(&world.author.layout, &choice, world.author.now).unwrap();
    let bundle = world.path("bundle");
    selection.write(&bundle, Existing::Stays, &|_| ()).unwrap();
    let mut expected = frames(&world, "1.1.0").names().map(str::to_owned);
    expected.sort();
    assert_eq!(carried(&bundle), expected);
}
