#![allow(clippy::unwrap_used, clippy::panic)]
use std::fs::{self, File};
use std::io::{self, Cursor};
use std::num::NonZeroUsize;
use std::os::unix::fs::FileExt;
use std::path::Path;

use gptdisk::{BlockIo, BlockSize, Guid, NewPart, NewTable, PartRange, PartType};
use tempfile::TempDir;
use verity::{BLOCK_SIZE, Params};

use super::*;

const MIB: u64 = 1 << 20;
const DISK_BYTES: u64 = 16 * MIB;

/// A system in a folder, with disks as files and what the kernel shows of them.
struct System {
    folder: TempDir,
}

/// An image of some blocks, and what the command line says of it.
struct Image {
    hash: Vec<u8>,
    parameter: BootParameter,
}

fn image(byte: u8) -> Image {
    let data = vec![byte; 3 * BLOCK_SIZE];
    let params = Params::for_product_line("test");
    let mut hash = Cursor::new(Vec::new());
    let made =
        verity::format(&*data, 3 * 4096, &params, &mut hash, NonZeroUsize::MIN, &|_| ()).unwrap();
    let parameter = BootParameter {
        data_blocks: made.data_blocks,
        root_hash: made.root_hash,
        salt: params.salt,
    };
    Image { hash: hash.into_inner(), parameter }
}

impl System {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("sys/class/block")).unwrap();
        fs::create_dir_all(folder.path().join("dev")).unwrap();
        Self { folder }
    }

    /// Adds a disk with a set for each image.
    fn with_sets(self, name: &str, block_size: u32, images: &[&Image]) -> Self {
        let kinds = [PartType::Boot, PartType::Root, PartType::Hash];
        let parts: Vec<PartType> = images.iter().flat_map(|_| kinds).collect();
        let ranges = self.disk(name, block_size, &parts);
        for (image, set) in images.iter().zip(ranges.chunks(3)) {
            let node = self.folder.path().join(format!("dev/{name}p{}", set[2].index));
            fs::write(node, &image.hash).unwrap();
        }
        self
    }

    /// Adds a disk with these partitions, and shows them.
    fn disk(&self, name: &str, block_size: u32, parts: &[PartType]) -> Vec<PartRange> {
        let node = self.folder.path().join("dev").join(name);
        let file = File::create_new(&node).unwrap();
        file.set_len(DISK_BYTES).unwrap();
        let size = BlockSize::new(block_size).unwrap();
        let mut table = NewTable::new(size, DISK_BYTES, Guid::from_disk([9; 16])).unwrap();
        let ranges: Vec<PartRange> =
            parts.iter().map(|part| table.add(&new_part(*part)).unwrap()).collect();
        table.write(&mut Blocks { file: &file, size }).unwrap();
        self.show(
            name,
            &[("queue/logical_block_size", block_size.into()), ("size", DISK_BYTES / 512)],
        );
        for PartRange { index, start, length } in ranges.iter().copied() {
            let part = format!("{name}/{name}p{index}");
            let number = u64::from(index);
            self.show(
                &part,
                &[("partition", number), ("start", start / 512), ("size", length / 512)],
            );
            let device = self.folder.path().join("sys/class/block").join(part).join("dev");
            fs::write(device, format!("254:{index}\n")).unwrap();
        }
        ranges
    }

    fn show(&self, device: &str, numbers: &[(&str, u64)]) {
        for (file, number) in numbers {
            let path = self.path(&format!("{device}/{file}"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("{number}\n")).unwrap();
        }
    }

    fn path(&self, device: &str) -> std::path::PathBuf {
        self.folder.path().join("sys/class/block").join(device)
    }

    fn search(&self, set: SetId, image: &Image) -> Result<Place, SearchError> {
        search(&SystemRoot::at(self.folder.path()), set, &image.parameter)
    }

    /// Expects that the image is not found, with this reason, and how long that may change.
    fn refuses(&self, set: SetId, image: &Image, reason: &str, seconds: u64) {
        let error = self.search(set, image).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
        assert_eq!(error.patience().as_secs(), seconds, "{error}");
    }
}

fn new_part(kind: PartType) -> NewPart {
    NewPart {
        kind: kind.guid(),
        id: Guid::from_disk([1; 16]),
        name: String::new(),
        length: Some(MIB),
        attributes: 0,
    }
}

struct Blocks<'a> {
    file: &'a File,
    size: BlockSize,
}

impl BlockIo for Blocks<'_> {
    type Error = io::Error;

    fn block_size(&self) -> BlockSize {
        self.size
    }

    fn block_count(&self) -> u64 {
        DISK_BYTES / self.size.bytes()
    }

    fn read_blocks(&mut self, first: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buffer, first * self.size.bytes())
    }

    fn write_blocks(&mut self, first: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_all_at(data, first * self.size.bytes())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_parts_of_the_set_are_found_by_type_and_order() {
    let (old, new) = (image(1), image(2));
    for block_size in [512, 4096] {
        let system = System::new().with_sets("vda", block_size, &[&old, &new]);
        for (set, image, root) in [(SetId::A, &old, 2), (SetId::B, &new, 5)] {
            let place = system.search(set, image).unwrap();
            assert_eq!((place.disk.as_str(), place.root.index), ("vda", root));
            assert_eq!((place.root.device.minor, place.hash.device.minor), (root, root + 1));
        }
    }
}

#[test]
fn an_image_of_the_other_set_is_not_taken() {
    let (old, new) = (image(1), image(2));
    let system = System::new().with_sets("vda", 512, &[&old, &new]);
    system.refuses(SetId::A, &new, &format!("set A has root hash {}", old.parameter.root_hash), 3);
}

#[test]
fn a_set_that_is_not_there_is_named() {
    let system = System::new().with_sets("vda", 512, &[&image(1)]);
    system.refuses(SetId::B, &image(1), "vda: it has no set B", 3);
}

#[test]
fn disks_that_are_late_are_waited_for() {
    System::new().refuses(SetId::A, &image(1), "there is no disk", 30);
    let system = System::new();
    system.disk("sda", 512, &[PartType::Data]);
    system.refuses(SetId::A, &image(1), "sda: the disk has no boot, root or hash partition", 30);
    fs::write(system.folder.path().join("dev/sda"), vec![0; 1 << 20]).unwrap();
    system.refuses(SetId::A, &image(1), "sda: no valid partition table", 30);
}

#[test]
fn other_disks_do_not_matter() {
    let (ours, other) = (image(1), image(2));
    let system = System::new().with_sets("sda", 512, &[&other]).with_sets("vda", 512, &[&ours]);
    system.disk("sdb", 512, &[PartType::Data]);
    assert_eq!(system.search(SetId::A, &ours).unwrap().disk, "vda");
    system.refuses(SetId::A, &image(3), "sda: its set A has root hash", 3);
    let error = system.search(SetId::A, &image(3)).unwrap_err().to_string();
    assert!(error.contains("vda: its set A") && !error.contains("sdb"), "{error}");
}

#[test]
fn of_two_copies_none_is_taken() {
    let system = System::new().with_sets("sda", 512, &[&image(1)]);
    let system = system.with_sets("vda", 512, &[&image(1)]);
    system.refuses(SetId::A, &image(1), "more than one disk has the image: sda, vda", 0);
}

#[test]
fn the_backup_table_serves() {
    let system = System::new().with_sets("vda", 512, &[&image(1)]);
    let disk = File::options().write(true).open(system.folder.path().join("dev/vda")).unwrap();
    disk.write_all_at(&[0; 512], 512).unwrap();
    assert_eq!(system.search(SetId::A, &image(1)).unwrap().root.index, 2);
}

#[test]
fn partitions_that_the_kernel_has_elsewhere_are_refused() {
    let image = image(1);
    let system = System::new().with_sets("vda", 512, &[&image]);
    system.show("vda/vda3", &[("partition", 3)]);
    system.show("vda/vdap2", &[("start", 1)]);
    system.refuses(SetId::A, &image, "partition 2 (root) in another place", 3);
    fs::remove_dir_all(system.path("vda/vdap2")).unwrap();
    system.refuses(SetId::A, &image, "the kernel does not show its partition 2 (root)", 3);
}

#[test]
fn an_image_that_is_longer_than_its_partition_is_refused() {
    let mut image = image(1);
    let system = System::new().with_sets("vda", 512, &[&image]);
    image.parameter.data_blocks = MIB / 4096 + 1;
    system.refuses(SetId::A, &image, "too few for 257 blocks", 3);
    image.parameter.data_blocks = u64::MAX;
    system.refuses(SetId::A, &image, "too few for", 3);
}

#[test]
fn a_damaged_tree_is_told_from_another_one() {
    let image = image(1);
    let system = System::new().with_sets("vda", 512, &[&image]);
    let node = system.folder.path().join("dev/vdap3");
    damage(&node, 0);
    system.refuses(SetId::A, &image, "cannot be used: there is no dm-verity superblock", 3);
    damage(&node, 0);
    damage(&node, BLOCK_SIZE);
    system.refuses(SetId::A, &image, "its set A has root hash", 3);
}

fn damage(path: &Path, offset: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[offset] ^= 1;
    fs::write(path, bytes).unwrap();
}
