//! Makes a pack from two root images, and boot images if they are given too, and says what it takes.
//!
//! `cargo run --release -p pack --features make --example make_pack -- OLD_ROOT NEW_ROOT [OLD_BOOT NEW_BOOT] [--level N]`
#![allow(clippy::print_stdout)] // the edge of a program

use std::error::Error;
use std::fs::{self, File};
use std::io;
use std::time::Instant;

use pack::make::{Images, Level, Options, Padded, Source, make};
use verity::{BLOCK_SIZE, BlockHasher, Leaves, Params, Unreadable, available_threads};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What the threads may take: with the leaves of images of 900 MiB, all stays below 256 MiB.
const MEMORY: usize = 224 << 20;

/// An image and its leaves.
struct Hashed {
    data: Padded<File>,
    leaves: Leaves,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let options = arguments.iter().position(|word| word.starts_with("--"));
    let (paths, options) = arguments.split_at(options.unwrap_or(arguments.len()));
    let begun = Instant::now();
    let params = Params::for_product_line("example");
    let hasher = BlockHasher::new(&params.salt);
    let hashed = |index: usize| Hashed::new(paths.get(index), &hasher);
    let [old, new, old_boot, new_boot] = [hashed(0)?, hashed(1)?, hashed(2)?, hashed(3)?];
    let images = |root: &Hashed| root.leaves.root_hash(&params);
    let old = Images { root: old.source(), boot: old_boot.source(), root_hash: images(&old) };
    let new = Images { root: new.source(), boot: new_boot.source(), root_hash: images(&new) };
    let options = Options { level: level(options)?, threads: available_threads(), memory: MEMORY };
    let hashing = begun.elapsed();
    let zero = hasher.digest(&[0; BLOCK_SIZE]);
    let mut spool = tempfile::tempfile()?;
    let made = make(&old, &new, &zero, &options, &mut spool, &mut io::sink(), &|_, _| ())?;
    println!(
        "level {:2}: {} bytes, {} of them head; {} new blocks in {} pieces; {:.1} s with {:.1} for hashing; {}",
        options.level.number(),
        made.length,
        made.head.len(),
        made.new_blocks,
        made.pieces,
        begun.elapsed().as_secs_f32(),
        hashing.as_secs_f32(),
        peak(),
    );
    Ok(())
}

fn level(options: &[String]) -> Result<Level> {
    match options {
        [] => Ok(Level::default()),
        [name, level] if name == "--level" => {
            Level::new(level.parse()?).ok_or_else(|| "a level is 1 to 19".into())
        }
        _ => Err("the only option is --level N".into()),
    }
}

impl Hashed {
    /// One zero block, where there is no path.
    fn new(path: Option<&String>, hasher: &BlockHasher) -> Result<Self> {
        let file = path.map_or_else(empty, File::open)?;
        let length = file.metadata()?.len();
        let data = Padded::new(file, length);
        let (length, threads) = (data.length(), available_threads());
        let leaves = Leaves::of_data(&data, length, hasher, Unreadable::Refuse, threads, &|_| ())?;
        Ok(Self { data, leaves })
    }

    fn source(&self) -> Source<'_> {
        Source { data: &self.data, leaves: &self.leaves }
    }
}

fn empty() -> io::Result<File> {
    let file = tempfile::tempfile()?;
    file.set_len(4096)?;
    Ok(file)
}

/// The most memory so far, as Linux says it.
fn peak() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(|| "memory unknown".into(), |line| format!("{} at most", line.trim()))
}
