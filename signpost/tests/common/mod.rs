//! Disk images as Bottlerocket lays them out, made by sgdisk.

#![allow(dead_code)]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use gptdisk::{BlockIo, BlockSize, Guid, NewPart, NewTable};

/// The partitions of a small disk: type GUID, size in MiB, label.
pub(crate) const PARTS: [(&str, u64, &str); 14] = [
    ("21686148-6449-6e6f-744e-656564454649", 1, "firmware"),
    ("c12a7328-f81f-11d2-ba4b-00a0c93ec93b", 2, "EFI-SYSTEM"),
    ("6b636168-7420-6568-2070-6c616e657421", 4, "anything"),
    ("5526016a-1a97-4ea4-b39a-b7c8c6ca4502", 8, "at all"),
    ("598f10af-c955-4456-6a99-7720068a6cea", 1, "HASH"),
    ("0c5d99a5-d331-4147-baef-08e2b855bdc9", 1, "RESERVED"),
    ("b39ce39c-0a00-b4ab-2d11-f18f8237a21c", 2, "EFI-BACKUP"),
    ("6b636168-7420-6568-2070-6c616e657421", 4, "BOOT-B"),
    ("5526016a-1a97-4ea4-b39a-b7c8c6ca4502", 8, "ROOT-B"),
    ("598f10af-c955-4456-6a99-7720068a6cea", 1, "HASH-B"),
    ("0c5d99a5-d331-4147-baef-08e2b855bdc9", 1, "RESERVED-B"),
    ("440408bb-eb0b-4328-a6e5-a29038fad706", 2, "PRIVATE"),
    ("626f7474-6c65-6474-6861-726d61726b73", 2, "DATA"),
    ("0fc63daf-8483-4772-8e79-3d69d8477de4", 1, "not ours"),
];

/// The numbers of the partitions that hold bits.
pub(crate) const BOOT_A: u32 = 3;
pub(crate) const BOOT_B: u32 = 8;
pub(crate) const PRIVATE: u32 = 12;

/// The length of the image.
pub(crate) const LENGTH: u64 = 48 << 20;

/// A directory with a disk image in it.
pub(crate) struct Image {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) path: PathBuf,
}

/// Whether sgdisk is there; says loudly that a test is skipped if not.
pub(crate) fn sgdisk_is_there() -> bool {
    let there = Command::new("sgdisk").arg("--version").output().is_ok();
    if !there {
        eprintln!(
            "!!! SKIPPED: sgdisk is not installed, and this test is about its disks (apt install gdisk)"
        );
    }
    there
}

/// Runs sgdisk on a disk and gives its standard output.
pub(crate) fn sgdisk(path: &Path, args: &[String]) -> String {
    let output = Command::new("sgdisk").args(args).arg(path).output().expect("sgdisk runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "sgdisk {args:?}: {text}");
    text
}

/// sgdisk has nothing to complain about.
pub(crate) fn assert_verifies(path: &Path) {
    let text = sgdisk(path, &["--verify".to_owned()]);
    assert!(text.contains("No problems found"), "{text}");
}

impl Image {
    /// A disk with these partitions, and with these attribute bits of them set.
    pub(crate) fn with(parts: &[(&str, u64, &str)], bits: &[(u32, u32)]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("disk.img");
        File::create(&path).and_then(|file| file.set_len(LENGTH)).expect("a sparse file");
        let mut args = vec!["--clear".to_owned()];
        for (index, (kind, size, label)) in (1..).zip(parts) {
            args.push(format!("--new={index}:0:+{size}M"));
            args.push(format!("--typecode={index}:{kind}"));
            args.push(format!("--change-name={index}:{label}"));
        }
        args.extend(bits.iter().map(|(part, bit)| format!("--attributes={part}:set:{bit}")));
        sgdisk(&path, &args);
        Self { dir, path }
    }

    /// A whole disk as it leaves the factory: set A priority 1 and successful, set B all zero.
    pub(crate) fn factory() -> Self {
        Self::with(&PARTS, &[(BOOT_A, 48), (BOOT_A, 56)])
    }

    /// Sets attribute bits of a partition through sgdisk.
    pub(crate) fn set_bits(&self, part: u32, bits: &[u32]) {
        let args: Vec<String> =
            bits.iter().map(|bit| format!("--attributes={part}:set:{bit}")).collect();
        sgdisk(&self.path, &args);
    }

    /// A disk of the same content with blocks of 4096 bytes, which sgdisk does not make in a file.
    pub(crate) fn large_blocks() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("disk.img");
        let mut file = File::create_new(&path).expect("a new file");
        file.set_len(LENGTH).expect("a sparse file");
        let mut table =
            NewTable::new(BlockSize::B4096, LENGTH, Guid::from_disk([9; 16])).expect("it fits");
        for (number, (kind, size, label)) in (1..).zip(PARTS) {
            let part = NewPart {
                kind: kind.parse().expect("a GUID"),
                id: Guid::from_disk([number; 16]),
                name: label.to_owned(),
                length: Some(size << 20),
                attributes: if u32::from(number) == BOOT_A { 1 << 48 | 1 << 56 } else { 0 },
            };
            table.add(&part).expect("it fits");
        }
        table.write(&mut LargeBlocks(&mut file)).expect("the file is written");
        Self { dir, path }
    }

    /// The attributes of a partition as sgdisk reads them.
    pub(crate) fn attributes(&self, part: u32) -> u64 {
        let text = sgdisk(&self.path, &[format!("--info={part}")]);
        let line = text.lines().find_map(|line| line.strip_prefix("Attribute flags: "));
        let line = line.expect("sgdisk prints the flags").trim();
        u64::from_str_radix(line, 16).expect("sgdisk prints hexadecimal digits")
    }

    /// Every byte of the image.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.path).expect("the image can be read")
    }

    /// Flips one byte.
    pub(crate) fn damage(&self, offset: u64) {
        use std::os::unix::fs::FileExt;
        let file =
            File::options().read(true).write(true).open(&self.path).expect("the image opens");
        let mut byte = [0];
        file.read_exact_at(&mut byte, offset).expect("the byte is there");
        file.write_all_at(&[byte[0] ^ 0x55], offset).expect("the byte is written");
    }
}

/// A file with blocks of 4096 bytes.
struct LargeBlocks<'a>(&'a mut File);

impl BlockIo for LargeBlocks<'_> {
    type Error = std::io::Error;

    fn block_size(&self) -> BlockSize {
        BlockSize::B4096
    }

    fn block_count(&self) -> u64 {
        LENGTH / 4096
    }

    fn read_blocks(&mut self, first: u64, buffer: &mut [u8]) -> std::io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(self.0, buffer, first * 4096)
    }

    fn write_blocks(&mut self, first: u64, data: &[u8]) -> std::io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(self.0, data, first * 4096)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.sync_all()
    }
}
