//! RAUC's adaptive update by its rule (`block-hash-index`, RAUC's manual, 'Adaptive Updates').
//!
//! A bundle has an index, a SHA-256 of each 4 KiB block of an image. A block that the slots do not hold anywhere is read from the image in the
//! bundle, which is a squashfs: its whole compressed block is fetched. That is 64 KiB here, as the manual recommends for this, and
//! compressed with zstd as `mksquashfs` does it, where its default is 128 KiB and gzip. Heads, signature and the bundle's own hash tree are left
//! out. So it is the least that RAUC would fetch; what runs is no RAUC, which would need a network block device.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};

use cli::ByteCount;
use ring::digest;

use super::figure::Figure;
use super::peers::Task;
use crate::command::Run;
use crate::error::Error;
use crate::release::PARTS;
use crate::{Result, place};

/// As it is shown.
pub(super) const NAME: &str = "RAUC, by its rule";

const BLOCK: usize = 4096;

/// Bytes of the index for one block.
const DIGEST: u64 = 32;

/// Bytes of a block of squashfs.
const GROUP: usize = 64 << 10;

/// Has squashfs compress everything that would be fetched.
///
/// # Errors
///
/// Fails when mksquashfs does, or an image cannot be read.
pub(super) fn squashfs(task: &Task<'_>) -> Result<Figure> {
    let (fetched, image) = (task.out("fetched"), task.out("squashfs"));
    place::make_folder(&fetched)?;
    let mut index = 0;
    for part in PARTS {
        let (old, new, out) = (task.old.image(part), task.new.image(part), fetched.join(part));
        let open = |path| File::open(path).map(BufReader::new);
        let blocks = File::create(&out).and_then(|file| {
            copy_lacking(&mut open(&old)?, &mut open(&new)?, &mut BufWriter::new(file))
        });
        index += DIGEST * blocks.map_err(Error::file("compare", &new))?;
    }
    let run = Run::new("mksquashfs").arg(&fetched).arg(&image);
    run.args(["-b", "64k", "-comp", "zstd", "-noappend", "-no-progress"]).run()?;
    Ok(Figure::new(NAME, ByteCount(index + place::length(&image)?)))
}

/// Copies all groups with a block that the old image does not have; gives the number of blocks of the new one.
fn copy_lacking(old: &mut impl Read, new: &mut impl Read, out: &mut impl Write) -> io::Result<u64> {
    let mut had = HashSet::new();
    each_group(old, |group| {
        had.extend(digests(group));
        Ok(())
    })?;
    let mut blocks = 0;
    each_group(new, |group| {
        let mut lacks = false;
        for digest in digests(group) {
            blocks += 1;
            lacks |= !had.contains(&digest);
        }
        if lacks { out.write_all(group) } else { Ok(()) }
    })?;
    out.flush()?;
    Ok(blocks)
}

fn digests(group: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    group.chunks(BLOCK).map(|block| digest::digest(&digest::SHA256, block).as_ref().to_vec())
}

fn each_group(
    image: &mut impl Read,
    mut each: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut group = Vec::with_capacity(GROUP);
    loop {
        group.clear();
        let limit = u64::try_from(GROUP).map_err(io::Error::other)?;
        image.by_ref().take(limit).read_to_end(&mut group)?;
        if group.is_empty() {
            return Ok(());
        }
        each(&group)?;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Images as letters, one a block; what is fetched in the same way.
    fn fetched(old: &str, new: &str) -> (u64, String) {
        let image = |letters: &str| letters.bytes().flat_map(|it| [it; BLOCK]).collect::<Vec<_>>();
        let mut out = Vec::new();
        let blocks = copy_lacking(&mut &*image(old), &mut &*image(new), &mut out).unwrap();
        (blocks, out.chunks(BLOCK).map(|block| char::from(block[0])).collect())
    }

    #[test]
    fn a_group_is_fetched_whole_for_one_block_that_no_place_of_the_old_image_has() {
        let (same, one) = ("aaaabbbbccccdddd", "aaaabbbbccccdddX");
        assert_eq!(fetched("dcba", same), (16, String::new()));
        assert_eq!(fetched("dcba", &format!("{same}{one}a")), (33, one.to_owned()));
        assert_eq!(fetched("", "ab"), (2, "ab".to_owned()));
    }
}
