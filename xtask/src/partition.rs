//! What lies in the partitions of a disk image, found by sgdisk and not by our own code.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;

use ring::digest;

use crate::Result;
use crate::command::Run;
use crate::error::Error;

/// Type GUIDs of the partitions that a set consists of, as sgdisk prints them.
const BOOT: &str = "6B636168-7420-6568-2070-6C616E657421";
const ROOT: &str = "5526016A-1A97-4EA4-B39A-B7C8C6CA4502";
const HASH: &str = "598F10AF-C955-4456-6A99-7720068A6CEA";

/// More partitions than our disks have.
const MAX_PARTITIONS: u32 = 32;

const SECTOR: u64 = 512;

/// One partition.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Partition {
    kind: String,
    start: u64,
    length: u64,
}

/// Where the boot, root and hash partitions of both sets are.
#[derive(Debug)]
pub(crate) struct Partitions(Vec<Partition>);

impl Partitions {
    /// Reads the table of a disk image.
    ///
    /// # Errors
    ///
    /// Fails when sgdisk finds something to complain about.
    pub(crate) fn of(disk: &Path) -> Result<Self> {
        let verdict = Run::new("sgdisk").arg("--verify").arg(disk).run()?.stdout;
        if !verdict.contains("No problems found") {
            return Err(Error::Untrue(format!("sgdisk complains of the disk: {}", verdict.trim())));
        }
        let mut partitions = Vec::new();
        for number in 1..=MAX_PARTITIONS {
            let info = Run::new("sgdisk").arg(format!("--info={number}")).arg(disk).run()?.stdout;
            match parse(&info) {
                Some(partition) => partitions.push(partition),
                None => break,
            }
        }
        Ok(Self(partitions))
    }

    /// SHA-256 of the first `length` bytes of one part of a set, in hexadecimal.
    ///
    /// # Errors
    ///
    /// Fails when there is no such partition, it is too short, or it cannot be read.
    pub(crate) fn digest(&self, disk: &Path, set: char, part: &str, length: u64) -> Result<String> {
        let partition = self.find(set, part).filter(|partition| length <= partition.length);
        let partition = partition.ok_or_else(|| {
            Error::Untrue(format!(
                "the disk has no {part} partition in set {set} of {length} bytes"
            ))
        })?;
        let mut file = File::open(disk).map_err(Error::file("open", disk))?;
        file.seek(SeekFrom::Start(partition.start)).map_err(Error::file("read", disk))?;
        sha256(&mut file.take(length)).map_err(Error::file("read", disk))
    }

    /// Writes an image to the start of one part of a set and flushes it.
    ///
    /// # Errors
    ///
    /// Fails when there is no such partition, or dd fails.
    pub(crate) fn fill(&self, disk: &Path, set: char, part: &str, image: &Path) -> Result<()> {
        self.copy(disk, set, part, image, &[])
    }

    fn copy(
        &self,
        disk: &Path,
        set: char,
        part: &str,
        from: &Path,
        options: &[&str],
    ) -> Result<()> {
        let partition = self.find(set, part).ok_or_else(|| {
            Error::Untrue(format!("the disk has no {part} partition in set {set}"))
        })?;
        let (input, output) = (format!("if={}", from.display()), format!("of={}", disk.display()));
        let seek = format!("seek={}", partition.start);
        let flags = ["bs=4M", "oflag=seek_bytes", "conv=fsync,notrunc"];
        Run::new("dd").args([input, output, seek]).args(flags).args(options).run().map(|_| ())
    }

    /// Flips one bit of the byte at a place in one part of a set.
    ///
    /// # Errors
    ///
    /// Fails when there is no such place, or it cannot be read and written.
    pub(crate) fn flip(&self, disk: &Path, set: char, part: &str, place: u64) -> Result<()> {
        let partition = self.find(set, part).filter(|partition| place < partition.length);
        let partition = partition.ok_or_else(|| {
            Error::Untrue(format!("the {part} partition of set {set} has no byte {place}"))
        })?;
        let flip = || {
            let file = File::options().read(true).write(true).open(disk)?;
            let mut byte = [0];
            file.read_exact_at(&mut byte, partition.start + place)?;
            file.write_all_at(&[byte[0] ^ 1], partition.start + place)?;
            file.sync_all()
        };
        flip().map_err(Error::file("change", disk))
    }

    /// The first of a kind belongs to set A, the second to set B.
    fn find(&self, set: char, part: &str) -> Option<&Partition> {
        let kind = match part {
            "boot" => BOOT,
            "root" => ROOT,
            _ => HASH,
        };
        self.0.iter().filter(|partition| partition.kind == kind).nth(usize::from(set != 'A'))
    }
}

fn sha256(data: &mut impl Read) -> std::io::Result<String> {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut buffer = vec![0; 1 << 20];
    loop {
        match data.read(&mut buffer)? {
            0 => return Ok(hex::encode(context.finish())),
            count => context.update(&buffer[..count]),
        }
    }
}

/// Reads what sgdisk says of one partition; `None` when there is none of this number.
fn parse(info: &str) -> Option<Partition> {
    let value = |name: &str| -> Option<&str> {
        let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))?;
        line.split_whitespace().next()
    };
    let start: u64 = value("First sector")?.parse().ok()?;
    let last: u64 = value("Last sector")?.parse().ok()?;
    let kind = value("Partition GUID code")?.to_ascii_uppercase();
    let length = last.checked_sub(start)?.checked_add(1)?.checked_mul(SECTOR)?;
    Some(Partition { kind, start: start.checked_mul(SECTOR)?, length })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_sgdisk_says_is_read() {
        let info = "Partition GUID code: 6B636168-7420-6568-2070-6C616E657421 (Unknown)\n\
                    Partition unique GUID: 00000000-0000-0000-0000-000000000001\n\
                    First sector: 2048 (at 1024.0 KiB)\nLast sector: 4095 (at 2.0 MiB)\n\
                    Partition size: 2048 sectors (1024.0 KiB)\n";
        let boot = Partition { kind: BOOT.to_owned(), start: 1 << 20, length: 1 << 20 };
        assert_eq!(parse(info), Some(boot.clone()));
        assert_eq!(parse("Partition #9 does not exist.\n"), None);
        let root = Partition { kind: ROOT.to_owned(), ..boot.clone() };
        let second = Partition { start: 9, ..boot.clone() };
        let partitions = Partitions(vec![boot.clone(), root, second.clone()]);
        assert_eq!(partitions.find('A', "boot"), Some(&boot));
        assert_eq!(partitions.find('B', "boot"), Some(&second));
        assert_eq!(partitions.find('B', "root"), None);
    }

    #[test]
    fn the_digest_is_that_of_the_bytes() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(&mut b"abc".as_slice()).unwrap(), expected);
    }
}
