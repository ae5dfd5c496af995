//! Trees are those of `veritysetup format`, byte for byte, and each side accepts what the other made.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs::{self, File};
use std::io::{Cursor, ErrorKind};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use proptest::prelude::*;
use uuid::Uuid;
use verity::{BLOCK_SIZE, Formatted, Params, RootHash, Salt, format, verify};

const UUID: Uuid = Uuid::from_u128(0x1234_5678_9abc_def0_1122_3344_5566_7788);

#[test]
fn trees_around_every_change_of_shape_equal_those_of_veritysetup() {
    let full = 128 * 128;
    for blocks in
        [1, 2, 3, 127, 128, 129, 255, 256, 257, 1023, 1024, 1025, full - 1, full, full + 1]
    {
        assert_same_tree(blocks, &Salt::new([0xab; 32]).unwrap());
    }
}

#[test]
fn four_levels_equal_those_of_veritysetup() {
    let bench = Bench::new();
    let blocks = 128_u64.pow(3) + 1;
    // 8 GiB without a byte on the disk: a file that is all hole
    File::create(&bench.data).unwrap().set_len(blocks * 4096).unwrap();
    let root = bench.veritysetup_format(&Salt::new([1]).unwrap());
    let mut ours = Cursor::new(Vec::new());
    let made = format_file(&bench.data, &Salt::new([1]).unwrap(), 2, &mut ours);
    assert_eq!(made.root_hash, root);
    assert!(ours.into_inner() == fs::read(&bench.hash).unwrap(), "trees differ");
}

#[test]
fn salts_of_every_length_equal_those_of_veritysetup() {
    for length in [0, 1, 8, 31, 32, 33, 55, 56, 63, 64, 65, 119, 120, 128, 200, 255, 256] {
        let bytes: Vec<u8> =
            (0..length).map(|index: usize| index.to_le_bytes()[0] ^ 0x5a).collect();
        assert_same_tree(130, &Salt::new(bytes).unwrap());
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let data = noise(5000, 3);
    let one = format_bytes(&data, 1);
    for threads in [2, 3, 7, 16] {
        assert!(format_bytes(&data, threads) == one, "{threads} threads");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn random_trees_equal_those_of_veritysetup(
        blocks in 1..3000_usize,
        salt in prop::collection::vec(any::<u8>(), 0..=256),
    ) {
        assert_same_tree(blocks, &Salt::new(salt).unwrap());
    }
}

/// Formats with both, compares, and lets each verify the other's.
fn assert_same_tree(blocks: usize, salt: &Salt) {
    let bench = Bench::new();
    fs::write(&bench.data, noise(blocks, u64::try_from(blocks).unwrap())).unwrap();
    let root = bench.veritysetup_format(salt);
    let theirs = fs::read(&bench.hash).unwrap();
    let mut ours = Cursor::new(Vec::new());
    let made = format_file(&bench.data, salt, 2, &mut ours);
    let ours = ours.into_inner();
    assert_eq!(made.root_hash, root, "{blocks} blocks, salt {salt}");
    assert!(ours == theirs, "hash images of {blocks} blocks with salt {salt} differ");
    assert_eq!(made.hash_len, u64::try_from(theirs.len()).unwrap());

    let data = File::open(&bench.data).unwrap();
    let length = data.metadata().unwrap().len();
    let checked =
        verify(&data, length, &theirs, made.hash_len, &root, threads(2), &|_| ()).unwrap();
    assert_eq!((checked.data_blocks, &checked.salt, checked.uuid), (length / 4096, salt, UUID));
    fs::write(&bench.hash, ours).unwrap();
    bench.veritysetup_verify(&root);
}

/// A folder with the two images.
struct Bench {
    _folder: tempfile::TempDir,
    data: PathBuf,
    hash: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (data, hash) = (folder.path().join("data"), folder.path().join("hash"));
        Self { _folder: folder, data, hash }
    }

    fn veritysetup_format(&self, salt: &Salt) -> RootHash {
        let mut command = veritysetup();
        command.arg("format").args([&self.data, &self.hash]);
        command.args(["--salt", &salt.to_string(), "--uuid", &UUID.to_string()]);
        let text = String::from_utf8(run(command).stdout).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("Root hash:")).unwrap();
        line.trim().parse().unwrap()
    }

    fn veritysetup_verify(&self, root: &RootHash) {
        let mut command = veritysetup();
        command.arg("verify").args([&self.data, &self.hash]).arg(root.to_string());
        run(command);
    }
}

fn veritysetup() -> Command {
    let mut command = Command::new("veritysetup");
    command.env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin");
    command
}

fn run(mut command: Command) -> Output {
    let output = match command.output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            panic!("veritysetup is missing: install the Debian package cryptsetup-bin")
        }
        other => other.unwrap(),
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn format_file(data: &Path, salt: &Salt, count: usize, out: &mut Cursor<Vec<u8>>) -> Formatted {
    let data = File::open(data).unwrap();
    let length = data.metadata().unwrap().len();
    let params = Params { salt: salt.clone(), uuid: UUID };
    format(&data, length, &params, out, threads(count), &|_| ()).unwrap()
}

fn format_bytes(data: &Vec<u8>, count: usize) -> (Formatted, Vec<u8>) {
    let mut out = Cursor::new(Vec::new());
    let length = u64::try_from(data.len()).unwrap();
    let params = Params::for_product_line("threads");
    let made = format(data, length, &params, &mut out, threads(count), &|_| ()).unwrap();
    (made, out.into_inner())
}

fn threads(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

/// Blocks of noise that `seed` decides.
fn noise(blocks: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut bytes = vec![0; blocks * BLOCK_SIZE];
    for word in bytes.chunks_exact_mut(8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        word.copy_from_slice(&state.to_le_bytes());
    }
    bytes
}
