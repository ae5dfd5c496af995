//! Releases in memory: images, trees, packs and frames of them, made by the makers.

use std::io::Cursor;
use std::num::NonZeroUsize;

use frames::make as frames_make;
use pack::make as pack_make;
use verity::{BLOCK_SIZE, BlockHasher, Leaves, Params, RootHash, Unreadable};

/// Root image and boot image.
pub type Images = [Vec<u8>; 2];

/// Blocks of lines by their numbers; a block with the number zero is zeros.
pub fn image(numbers: &[u8]) -> Vec<u8> {
    let block = |number: &u8| match number {
        0 => vec![0; BLOCK_SIZE],
        number => format!("line of block {number} ").bytes().cycle().take(BLOCK_SIZE).collect(),
    };
    numbers.iter().flat_map(block).collect()
}

/// What the trees are made with.
pub fn params() -> Params {
    Params::for_product_line("fuzz")
}

/// The leaves of an image.
pub fn leaves(image: &[u8]) -> Leaves {
    let hasher = BlockHasher::new(&params().salt);
    let length = image.len() as u64;
    let one = NonZeroUsize::MIN;
    Leaves::of_data(image, length, &hasher, Unreadable::Refuse, one, &|_| ()).expect("it is memory")
}

/// The hash image of an image, and its root hash.
pub fn tree(image: &[u8]) -> (Vec<u8>, RootHash) {
    let mut hash = Cursor::new(Vec::new());
    let length = image.len() as u64;
    let made = verity::format(image, length, &params(), &mut hash, NonZeroUsize::MIN, &|_| ());
    (hash.into_inner(), made.expect("it is memory").root_hash)
}

fn zero() -> verity::Digest {
    BlockHasher::new(&params().salt).digest(&[0; BLOCK_SIZE])
}

/// The pack that leads from one release to another.
pub fn pack(old: &Images, new: &Images) -> Vec<u8> {
    let [old_leaves, new_leaves] = [old, new].map(|images| images.each_ref().map(|it| leaves(it)));
    let options = pack_make::Options {
        level: pack_make::Level::new(3).expect("there is level 3"),
        threads: NonZeroUsize::MIN,
        memory: usize::MAX,
    };
    let (mut spool, mut out) = (Cursor::new(Vec::new()), Vec::new());
    let (old, new) = (sources(old, &old_leaves), sources(new, &new_leaves));
    let made = pack_make::make(&old, &new, &zero(), &options, &mut spool, &mut out, &|_, _| ());
    made.expect("it is memory");
    out
}

fn sources<'a>(images: &'a Images, leaves: &'a [Leaves; 2]) -> pack_make::Images<'a> {
    let source = |image: usize| pack_make::Source { data: &images[image], leaves: &leaves[image] };
    pack_make::Images {
        root: source(0),
        boot: source(1),
        root_hash: leaves[0].root_hash(&params()),
    }
}

/// The frames of a release: targets of root and boot image, and the index.
pub fn frames(images: &Images) -> [Vec<u8>; 3] {
    let options = frames_make::Options {
        level: frames_make::Level::new(3).expect("there is level 3"),
        new_level: frames_make::Level::new(3).expect("there is level 3"),
        threads: NonZeroUsize::MIN,
        frame_blocks: 4,
    };
    let [(root, root_made), (boot, boot_made)] = images.each_ref().map(|image| {
        let leaves = leaves(image);
        let source =
            frames_make::Source { data: image, length: image.len() as u64, leaves: &leaves };
        let mut out = Vec::new();
        let made = frames_make::frames(&source, &[], &zero(), &options, &mut out, &|_| ());
        (out, made.expect("it is memory"))
    });
    let index = frames_make::index(&params(), &root_made, &boot_made).expect("it is small");
    [root, boot, index]
}

/// A release, and the one before it.
pub fn pair() -> [Images; 2] {
    let old = [image(&[1, 2, 3, 4, 0, 5, 6, 7, 8]), image(&[9, 10])];
    let new = [image(&[2, 1, 3, 11, 0, 0, 5, 12, 8, 13, 13]), image(&[9, 12, 14])];
    [old, new]
}
