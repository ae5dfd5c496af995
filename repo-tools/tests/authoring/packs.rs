//! Delta packs beside releases.

use std::fs;
use std::io::{Cursor, Read};

use manifest::{Content, Pack};
use pack::{Extent, Head, Image, Run, Way};
use repo_tools::{
    Add, Added, Choice, Existing, ListedPack, Outcome, Packing, Severity, Unobserved, list, select,
    withdraw,
};
use verity::{BLOCK_SIZE, Params};

use crate::checkup;
use crate::world::{Tree, World, selector, write_images};

/// The same bytes for the same seed, which do not compress.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Root and boot image of the release with this minor version: a few things change from each to the next.
pub(crate) fn images(minor: u8) -> [Vec<u8>; 2] {
    let mut root = noise(1, 300 * BLOCK_SIZE);
    for change in 1..=minor {
        let at = usize::from(change) * 20 * BLOCK_SIZE + 77;
        root[at..at + 9].fill(change);
        let at = usize::from(change) * 30 * BLOCK_SIZE;
        let moved = root[100..5000].to_vec();
        root[at..at + 4900].copy_from_slice(&moved);
    }
    root.extend(noise(u64::from(minor), usize::from(minor) * BLOCK_SIZE));
    root.extend(vec![0; 2 * BLOCK_SIZE]);
    let mut boot = noise(2, 50_001);
    boot[40_000] = minor;
    [root, boot]
}

pub(crate) fn version(minor: u8) -> String {
    format!("1.{minor}.0")
}

pub(crate) fn build(world: &World, minor: u8, params: &Params) {
    let [root, boot] = images(minor);
    write(world, &version(minor), params, &root, &boot);
}

/// Writes a build of these images, with the tree of the root image.
pub(crate) fn write(world: &World, version: &str, params: &Params, root: &Vec<u8>, boot: &[u8]) {
    let folder = world.path(&format!("parts-{version}"));
    let _ = fs::create_dir(&folder);
    let mut hash = Cursor::new(Vec::new());
    let one = std::num::NonZeroUsize::MIN;
    let length = root.len().try_into().unwrap();
    let made = verity::format(root, length, params, &mut hash, one, &|_| ()).unwrap();
    let tree = Tree { hash: hash.into_inner(), root_hash: made.root_hash.to_string() };
    write_images(&folder, version, boot, root, &tree);
}

pub(crate) fn publish(world: &World, minor: u8) -> Added {
    build(world, minor, &Params::for_product_line("small"));
    world.add(&version(minor)).unwrap()
}

/// A repository with the releases 1.0.0 to 1.`minor`.0.
pub(crate) fn published(minor: u8) -> World {
    let world = World::new();
    (0..=minor).for_each(|minor| drop(publish(&world, minor)));
    world
}

fn froms(packs: &[Pack]) -> Vec<String> {
    packs.iter().map(|pack| pack.from.to_string()).collect()
}

/// What a host makes of a pack, with nothing but its images.
fn apply(world: &World, pack: &Pack, old: &[Vec<u8>; 2]) -> [Vec<u8>; 2] {
    let bytes = world.target(&world.client("client").unwrap(), &pack.target);
    let at = |number: u64| usize::try_from(number).unwrap();
    let start = at(pack::HEAD_OFFSET);
    Head::check_start(bytes[..start].try_into().unwrap()).unwrap();
    let head = &bytes[start..start + at(pack.head.length)];
    assert_eq!(pack.head, Content::new(pack.head.length, digest(head)));
    let head = Head::parse(head).unwrap();
    assert_eq!(head.old().root_hash, *pack.from_root_hash.as_bytes());
    let block = |number: u32| at(number.into()) * BLOCK_SIZE;
    let old = old.clone().map(|mut image| {
        image.resize(image.len().next_multiple_of(BLOCK_SIZE), 0);
        image
    });
    let index = |image| usize::from(image == Image::Boot);
    let of = |extent: &Extent| {
        &old[index(extent.image)][block(extent.first)..block(extent.first + extent.blocks)]
    };
    let new = *head.new_release();
    let mut out = Image::ALL.map(|image| vec![0; block(new.blocks(image))]);
    for placed in head.pieces() {
        let window: Vec<u8> = placed.piece.window.iter().flat_map(of).copied().collect();
        let mut raw = vec![0; placed.piece.raw_bytes()];
        let compressed = &bytes[at(placed.range.start)..at(placed.range.end)];
        placed.piece.decode(compressed, &window, &mut raw).unwrap();
        let mut raw = raw.as_slice();
        for place in placed.places {
            let range = block(place.first)..block(place.first + place.blocks);
            raw.read_exact(&mut out[index(place.image)][range]).unwrap();
        }
    }
    for image in Image::ALL {
        let mut next = 0;
        for Run { blocks, way } in head.runs(image) {
            for place in 0..*blocks {
                let source = match *way {
                    Way::Zero | Way::New => None,
                    Way::Old { image, first } => {
                        Some(of(&Extent { image, first: first + place, blocks: 1 }).to_vec())
                    }
                    Way::Again { image, first } => {
                        let first = block(first + place);
                        Some(out[index(image)][first..first + BLOCK_SIZE].to_vec())
                    }
                };
                if let Some(source) = source {
                    out[index(image)][next..next + BLOCK_SIZE].copy_from_slice(&source);
                }
                next += BLOCK_SIZE;
            }
        }
    }
    out
}

fn digest(bytes: &[u8]) -> manifest::Digest {
    manifest::Digest::new(*trust::Sha256::of(bytes).as_bytes())
}

#[test]
fn packs_from_the_last_releases_give_the_new_images() {
    let world = published(4);
    let update = world.update("1.4.0");
    assert_eq!(froms(&update.packs), ["1.3.0", "1.2.0", "1.1.0"]);
    assert_eq!(update.packs[0].target, "small-x86_64-1.4.0-from-1.3.0.pack");
    let [root, boot] = images(4);
    for (pack, minor) in update.packs.iter().zip([3, 2, 1]) {
        let [found_root, found_boot] = apply(&world, pack, &images(minor));
        assert!(found_root == root, "root from 1.{minor}.0");
        assert!(found_boot[..boot.len()] == boot, "boot from 1.{minor}.0");
        let from = world.update(&version(minor)).contents.unwrap().root_hash;
        assert_eq!(pack.from_root_hash, from);
    }
    assert!(world.update("1.0.0").packs.is_empty());
}

#[test]
fn the_result_says_which_packs_there_are() {
    let world = published(0);
    let added = publish(&world, 1);
    assert_eq!(added.packs.len(), 1);
    let pack = &added.packs[0];
    assert!(pack.is_new && pack.length > 0 && pack.from.to_string() == "1.0.0");
    assert!(added.to_string().contains("small-x86_64-1.1.0-from-1.0.0.pack"), "{added}");
    let bytes = world.target(&world.client("client").unwrap(), &pack.name);
    assert_eq!(pack.sha256, trust::Sha256::of(&bytes).to_string());
    assert!(added.without_pack.is_empty());
    let listed = list(&world.author.layout, world.author.now).unwrap();
    let expected = ListedPack { from: pack.from.clone(), bytes: Some(pack.length) };
    assert_eq!(listed.releases[0].packs, [expected]);
    assert!(listed.releases[1].packs.is_empty());
}

#[test]
fn the_same_release_with_its_packs_is_nothing_to_do() {
    let world = published(2);
    let before = world.snapshot();
    let again = world.add("1.2.0").unwrap();
    assert_eq!(again.outcome, Outcome::NothingToDo);
    assert_eq!(again.packs.len(), 2);
    assert!(again.packs.iter().all(|pack| !pack.is_new));
    assert_eq!(world.snapshot(), before);
}

#[test]
fn packs_come_to_a_release_later_and_go_when_it_is_replaced_without() {
    let world = published(0);
    build(&world, 1, &Params::for_product_line("small"));
    let none = Add { packing: Packing::default(), ..world.options("1.1.0") };
    world.add_with(&none).unwrap();
    assert!(world.update("1.1.0").packs.is_empty());

    let later = world.add("1.1.0").unwrap();
    assert_eq!((later.outcome, later.packs.len()), (Outcome::Done, 1));
    let first = world.update("1.1.0").packs;
    assert_eq!(first.len(), 1);

    let replace = Add { replace: true, ..world.options("1.1.0") };
    let replaced = world.add_with(&replace).unwrap();
    assert!(!replaced.packs[0].is_new, "the same images give the same pack");
    assert_eq!(world.update("1.1.0").packs, first);

    world.add_with(&Add { replace: true, ..none }).unwrap();
    assert!(world.update("1.1.0").packs.is_empty());
    assert!(world.client("client").unwrap().target(&first[0].target).is_none());
}

/// Why 1.1.0 has no pack from 1.0.0.
fn reason(world: &World) -> String {
    let added = world.add("1.1.0").unwrap();
    assert_eq!(added.outcome, Outcome::Done);
    assert!(world.update("1.1.0").packs.is_empty());
    let [without] = added.without_pack.as_slice() else { panic!("{added}") };
    assert!(added.to_string().contains(&without.reason), "{added}");
    without.reason.clone()
}

#[test]
fn releases_of_two_salts_have_no_pack() {
    let world = published(0);
    build(&world, 1, &Params::for_product_line("other"));
    let reason = reason(&world);
    assert!(reason.contains("two releases of one salt"), "{reason}");
    // It is not tried in vain for ever: nothing is written.
    let before = world.snapshot();
    assert_eq!(world.add("1.1.0").unwrap().outcome, Outcome::NothingToDo);
    assert_eq!(world.snapshot(), before);
}

#[test]
fn releases_of_two_uuids_have_no_pack() {
    let world = published(0);
    let other = Params::for_product_line("other").uuid;
    build(&world, 1, &Params { uuid: other, ..Params::for_product_line("small") });
    assert!(reason(&world).contains("UUID"));
}

#[test]
fn a_pack_that_saves_too_little_is_not_published() {
    let world = published(0);
    let params = Params::for_product_line("small");
    write(&world, "1.1.0", &params, &noise(99, 300 * BLOCK_SIZE), &noise(98, 50_000));
    let reason = reason(&world);
    assert!(reason.contains("saves too little"), "{reason}");
}

#[test]
fn an_older_release_without_contents_has_no_pack() {
    let world = published(0);
    build(&world, 1, &Params::for_product_line("small"));
    world.publish_manifest(|manifest| {
        let update = &mut manifest.updates[0];
        (update.contents, update.frames) = (None, None);
    });
    assert!(reason(&world).contains("does not say what the images of 1.0.0 hold"));
}

#[test]
fn an_older_release_whose_files_are_not_whole_has_no_pack() {
    let world = published(0);
    build(&world, 1, &Params::for_product_line("small"));
    let client = world.client("client").unwrap();
    let target = client.target("small-x86_64-1.0.0-root.img.lz4").unwrap();
    let path = world.author.layout.targets().join(target.path());
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[1..]).unwrap();
    assert!(reason(&world).contains("is not the file that was signed for"));
    fs::remove_file(&path).unwrap();
    let again = world.add("1.1.0").unwrap();
    assert!(again.without_pack[0].reason.contains("is missing"), "{again}");
}

#[test]
fn images_that_were_not_checked_and_are_others_have_no_pack() {
    let world = published(0);
    build(&world, 1, &Params::for_product_line("small"));
    world.edit_report("1.1.0", |report| {
        report["images"]["root"]["raw"]["sha256"] = "7".repeat(64).into();
    });
    let unchecked = Add { unchecked: true, ..world.options("1.1.0") };
    let added = world.add_with(&unchecked).unwrap();
    let reason = &added.without_pack[0].reason;
    assert!(reason.contains("does not decompress to what the manifest says"), "{reason}");
}

#[test]
fn a_hash_image_that_hosts_cannot_make_has_no_pack() {
    let world = published(0);
    build(&world, 1, &Params::for_product_line("small"));
    let parts = world.path("parts-1.1.0");
    let hash = [fs::read(parts.join("hash.img")).unwrap(), vec![0; BLOCK_SIZE]].concat();
    let [root, boot] = images(1);
    let root_hash = world.report("1.1.0");
    let report: serde_json::Value = serde_json::from_slice(&fs::read(root_hash).unwrap()).unwrap();
    let root_hash = report["verity"]["root_hash"].as_str().unwrap().to_owned();
    write_images(&parts, "1.1.0", &boot, &root, &Tree { hash, root_hash });
    assert!(reason(&world).contains("the tree of 1.1.0 does not give its hash image"));
}

#[test]
fn releases_of_one_root_hash_share_a_pack() {
    let world = published(0);
    let [root, mut boot] = images(0);
    boot[7] ^= 1;
    write(&world, "1.1.0", &Params::for_product_line("small"), &root, &boot);
    assert!(reason(&world).contains("is that of another of these releases"));
    let added = publish(&world, 2);
    assert_eq!(froms(&world.update("1.2.0").packs), ["1.1.0"]);
    assert_eq!(added.without_pack[0].from.to_string(), "1.0.0");
    assert_eq!(world.add("1.2.0").unwrap().outcome, Outcome::NothingToDo);
}

#[test]
fn a_release_whose_tree_is_another_ones_has_no_pack() {
    let world = World::published(); // its images are no file systems and its tree is none
    build(&world, 1, &Params::for_product_line("small"));
    assert!(reason(&world).contains("the tree of 1.0.0 cannot be used"));
}

#[test]
fn a_withdrawn_release_gives_no_pack_and_keeps_its_own() {
    let world = published(1);
    withdraw(&world.author, &selector("1.1.0"), &mut Unobserved).unwrap();
    publish(&world, 2);
    assert_eq!(froms(&world.update("1.2.0").packs), ["1.0.0"]);
    let kept = world.update("1.1.0").packs;
    world.target(&world.client("client").unwrap(), &kept[0].target);
}

#[test]
fn nothing_is_left_beside_the_targets() {
    let world = published(1);
    let entries = fs::read_dir(world.author.layout.targets()).unwrap();
    for entry in entries {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(!name.starts_with('.'), "{name}");
    }
}

fn errors(world: &World) -> Vec<String> {
    checkup::findings(world, Severity::Error)
}

#[test]
fn sound_packs_are_no_finding() {
    let world = published(2);
    assert!(errors(&world).is_empty());
    assert!(checkup::findings(&world, Severity::Warning).is_empty());
}

#[test]
fn a_pack_that_is_not_what_the_manifest_says_is_found() {
    let name = "small-x86_64-1.2.0-from-1.1.0.pack";
    let other = manifest::Digest::new([7; 32]);
    type Edit<'a> = (&'a str, &'a dyn Fn(&mut manifest::Update));
    let edits: [Edit<'_>; 5] = [
        ("which is no target", &|update| update.packs[0].target = "absent.pack".into()),
        ("another head", &|update| update.packs[0].head.sha256 = other),
        ("another head", &|update| update.packs[0].head.length -= 1),
        ("comes from another root hash", &|update| update.packs[0].from_root_hash = other),
        ("is of no use", &|update| (update.contents, update.frames) = (None, None)),
    ];
    for (said, edit) in edits {
        let world = published(2);
        world.publish_manifest(|manifest| edit(&mut manifest.updates[2]));
        let errors = errors(&world);
        assert!(errors.iter().any(|error| error.contains(said)), "{said}: {errors:?}");
    }
    let world = published(2);
    let client = world.client("client").unwrap();
    let whole = world.target(&client, name);
    world.publish_elsewhere(&[(name, &whole[..whole.len() - 1])]);
    assert!(errors(&world)[0].contains("where its head says"), "{:?}", errors(&world));
    world.publish_elsewhere(&[(name, &[b"x", &whole[1..]].concat())]);
    assert!(errors(&world)[0].contains("cannot be read"), "{:?}", errors(&world));
}

#[test]
fn a_pack_of_another_release_is_found() {
    let world = published(3);
    world.publish_manifest(|manifest| {
        // Packs to 1.2.0 in the place of those to 1.3.0.
        manifest.updates[3].packs = manifest.updates[2].packs.clone();
    });
    let errors = errors(&world);
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors.iter().all(|error| error.contains("leads to another root hash")), "{errors:?}");
}

#[test]
fn a_pack_from_a_release_that_was_replaced_is_a_warning_until_the_newer_one_is_added_again() {
    let world = published(2);
    let params = Params::for_product_line("small");
    let [mut root, boot] = images(1);
    root[5] ^= 1;
    write(&world, "1.1.0", &params, &root, &boot);
    let replace = Add { replace: true, ..world.options("1.1.0") };
    world.add_with(&replace).unwrap();
    let warnings = checkup::findings(&world, Severity::Warning);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("is not the one in the manifest"), "{warnings:?}");
    assert!(errors(&world).is_empty());
    assert_eq!(world.add("1.2.0").unwrap().outcome, Outcome::Done);
    assert!(checkup::findings(&world, Severity::Warning).is_empty());
    assert_eq!(froms(&world.update("1.2.0").packs), ["1.1.0", "1.0.0"]);
}

#[test]
fn a_bundle_has_the_packs_that_lead_to_its_releases() {
    let world = published(2);
    let choice = Choice { versions: vec!["1.1.0".parse().unwrap()], ..Choice::default() };
    let selection = select(&world.author.layout, &choice, world.author.now).unwrap();
    let bundle = world.path("bundle");
    selection.write(&bundle, Existing::Stays, &|_| ()).unwrap();
    let packs: Vec<String> = fs::read_dir(bundle.join("targets"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".pack"))
        .collect();
    let [pack] = packs.as_slice() else { panic!("{packs:?}") };
    assert!(pack.ends_with(".small-x86_64-1.1.0-from-1.0.0.pack"), "{pack}");
}
