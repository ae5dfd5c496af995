//! Makes the frames of two new images, and says what they take and what a host of the old images would fetch.
//!
//! `cargo run --release -p frames --features make --example make_frames -- OLD_ROOT NEW_ROOT OLD_BOOT NEW_BOOT [--level N] [--new-level N] [--blocks N]`
#![allow(clippy::print_stdout)] // the edge of a program

use std::error::Error;
use std::fs::{self, File};
use std::io;
use std::time::Instant;

use frames::make::{FRAME_BLOCKS_OF_OLD, Level, Made, Older, Options, Source, frames, index};
use frames::{Frame, ImageIndex, Index};
use verity::{
    BLOCK_SIZE, BlockHasher, Leaves, Params, Prefix, ReadAt, Unreadable, available_threads,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// An image that may end within a block.
struct Padded(File, u64);

impl ReadAt for Padded {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let there = usize::try_from(self.1.saturating_sub(offset)).unwrap_or(usize::MAX);
        let (inside, behind) = buffer.split_at_mut(there.min(buffer.len()));
        behind.fill(0);
        self.0.read_exact_at(inside, offset)
    }
}

/// An image and its leaves.
struct Hashed {
    data: Padded,
    leaves: Leaves,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [old_root, new_root, old_boot, new_boot, options @ ..] = arguments.as_slice() else {
        return Err("four images are needed: OLD_ROOT NEW_ROOT OLD_BOOT NEW_BOOT".into());
    };
    let options = parse(options)?;
    let params = Params::for_product_line("example");
    let hasher = BlockHasher::new(&params.salt);
    let zero = hasher.digest(&[0; BLOCK_SIZE]);
    let hashed = |path: &String| Hashed::new(path, &hasher);
    let older = Older::new(&hashed(old_root)?.leaves, &hashed(old_boot)?.leaves)?;
    let (root, boot) = (hashed(new_root)?, hashed(new_boot)?);
    let begun = Instant::now();
    let make = |image: &Hashed| -> Result<Made> {
        let older = std::slice::from_ref(&older);
        Ok(frames(&image.source(), older, &zero, &options, &mut io::sink(), &|_| ())?)
    };
    let bytes = index(&params, &make(&root)?, &make(&boot)?)?;
    let seconds = begun.elapsed().as_secs_f32();
    let index = Index::parse(&bytes)?;
    let images = [index.root(), index.boot()];
    let count: usize = images.iter().map(|image| image.frames().len()).sum();
    let target: u64 = images.iter().map(|image| image.target_len()).sum();
    let lacks = |prefix: &Prefix| *prefix != Prefix::of(&zero) && !older.has(*prefix);
    let wanted: Vec<&Frame> = images.iter().flat_map(|image| wanted(image, &lacks)).collect();
    let blocks = images.iter().flat_map(|image| image.prefixes()).filter(|it| lacks(it)).count();
    let fetched: u64 = wanted.iter().map(|frame| u64::from(frame.length)).sum();
    println!(
        "level {:2}, {:2} for what is new, {:2} blocks: {target} bytes in {count} frames, index {} bytes; for {blocks} blocks {fetched} bytes in {} \
         frames; {seconds:.1} s, {}",
        options.level.number(),
        options.new_level.number(),
        options.frame_blocks,
        bytes.len(),
        wanted.len(),
        peak(),
    );
    Ok(())
}

/// The frames that hold a block that a host lacks.
fn wanted<'a>(image: &'a ImageIndex, lacks: &dyn Fn(&Prefix) -> bool) -> Vec<&'a Frame> {
    let mut prefixes = image.prefixes().iter();
    let is_wanted = |frame: &&Frame| {
        let blocks = prefixes.by_ref().take(frame.raw_bytes() / BLOCK_SIZE);
        blocks.filter(|prefix| lacks(prefix)).count() > 0
    };
    image.frames().iter().filter(is_wanted).collect()
}

fn parse(words: &[String]) -> Result<Options> {
    let threads = available_threads();
    let (level, new_level, frame_blocks) = (Level::default(), Level::NEW, FRAME_BLOCKS_OF_OLD);
    let mut options = Options { level, new_level, threads, frame_blocks };
    for pair in words.chunks(2) {
        match pair {
            [name, level] if name == "--level" => {
                options.level = Level::new(level.parse()?).ok_or("a level is 1 to 19")?;
            }
            [name, level] if name == "--new-level" => {
                options.new_level = Level::new(level.parse()?).ok_or("a level is 1 to 19")?;
            }
            [name, blocks] if name == "--blocks" => options.frame_blocks = blocks.parse()?,
            _ => return Err("the options are --level N, --new-level N and --blocks N".into()),
        }
    }
    Ok(options)
}

impl Hashed {
    fn new(path: &String, hasher: &BlockHasher) -> Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let data = Padded(file, length);
        let block = u64::try_from(BLOCK_SIZE)?;
        let (padded, threads) = (length.next_multiple_of(block), available_threads());
        let leaves = Leaves::of_data(&data, padded, hasher, Unreadable::Refuse, threads, &|_| ())?;
        Ok(Self { data, leaves })
    }

    fn source(&self) -> Source<'_> {
        Source { data: &self.data, length: self.data.1, leaves: &self.leaves }
    }
}

/// The most memory so far, as Linux says it.
fn peak() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(|| "memory unknown".into(), |line| format!("{} at most", line.trim()))
}
