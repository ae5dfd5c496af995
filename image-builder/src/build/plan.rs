//! What is known before the root image is made: the parts of the boot image, and least sizes.

use serde::Serialize;
use verity::{BlockCount, BootParameter, RootHash, TreeShape};

use crate::Error;
use crate::error::{Misfit, Misfits, OnFile};
use crate::filesystem::least_size;
use crate::initramfs;
use crate::rootfs::{LookupError, OsRelease, RootfsError, Tree};
use crate::spec::{FileRef, Initramfs, Mebibytes, Spec};

/// What would be built.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// Files, folders and all else in the root filesystem, its root included.
    pub entries: usize,
    /// Bytes of the boot image.
    pub boot: PlannedPart,
    /// Bytes that the root image has at least.
    pub root: PlannedPart,
    /// Bytes that the hash image has at least.
    pub hash: PlannedPart,
    /// Bytes of the disk.
    pub partitions_bytes: u64,
}

/// An image and its partition.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PlannedPart {
    /// Bytes of the image, or the least that it can have.
    pub image_bytes: u64,
    /// Bytes of its partition.
    pub partition_bytes: u64,
}

/// The parts of the boot image.
pub(super) struct BootFiles {
    pub(super) os_release: OsRelease,
    pub(super) stub: Vec<u8>,
    pub(super) kernel: Vec<u8>,
    pub(super) initramfs: Option<Vec<u8>>,
}

impl BootFiles {
    /// Reads the parts; one that alone is larger than the partition is not read.
    pub(super) fn read(spec: &Spec, tree: &Tree, os_release: OsRelease) -> Result<Self, Error> {
        let kernel = read(spec, tree, &spec.kernel)?;
        let initramfs = spec.initramfs.as_ref();
        let initramfs = initramfs.map(|how| initramfs_of(spec, tree, &kernel, how)).transpose()?;
        Ok(Self { os_release, stub: read(spec, tree, &spec.stub())?, kernel, initramfs })
    }
}

/// Reads the initial RAM filesystem, or puts it together.
pub(super) fn initramfs_of(
    spec: &Spec,
    tree: &Tree,
    kernel: &[u8],
    how: &Initramfs,
) -> Result<Vec<u8>, Error> {
    match how {
        Initramfs::File(file) => read(spec, tree, file),
        Initramfs::Made(made) => {
            initramfs::make(spec, made, &read(spec, tree, &made.program)?, kernel, tree)
        }
    }
}

/// Reads a file that the spec names.
pub(super) fn read(spec: &Spec, tree: &Tree, file: &FileRef) -> Result<Vec<u8>, Error> {
    let fits = |length| {
        misfit("boot", length, spec.sizes.boot)
            .map_or(Ok(()), |misfit| Err(Error::DoesNotFit(Misfits(vec![misfit]))))
    };
    match file {
        FileRef::Host(path) => {
            let path = spec.folder.join(path);
            fits(path.metadata().on("read", &path)?.len())?;
            Ok(std::fs::read(&path).on("read", &path)?)
        }
        FileRef::Rootfs(pattern) => {
            let found: Result<_, LookupError> = tree.find_file(pattern);
            let (_, content) = found.map_err(RootfsError::from)?;
            fits(content.length())?;
            Ok(content.read()?)
        }
    }
}

impl Plan {
    /// The plan for a root filesystem.
    pub(super) fn of(spec: &Spec, tree: &Tree, boot: &BootFiles) -> Result<Self, Error> {
        let sizes = &spec.sizes;
        let root = least_size(tree).max(4096);
        let data_blocks = BlockCount::of_bytes(root).map_err(verity::Error::from)?;
        // The image is as long with any root hash.
        let facts = BootParameter {
            data_blocks: data_blocks.blocks(),
            root_hash: RootHash([0; 32]),
            salt: verity::Params::for_product_line(spec.product_line.as_str()).salt,
        };
        let image = boot.assemble(spec, &boot.command_line(spec, &facts)?)?;
        let image = u64::try_from(image.len()).unwrap_or(u64::MAX);
        let planned = |image_bytes, size: Mebibytes| PlannedPart {
            image_bytes,
            partition_bytes: size.bytes(),
        };
        let plan = Self {
            entries: tree.entries().count(),
            boot: planned(image, sizes.boot),
            root: planned(root, sizes.root),
            hash: planned(TreeShape::of(data_blocks).hash_len(), sizes.hash),
            partitions_bytes: sizes.total(),
        };
        let found = [
            misfit("boot", plan.boot.image_bytes, sizes.boot),
            misfit("root", plan.root.image_bytes, sizes.root),
            misfit("hash", plan.hash.image_bytes, sizes.hash),
        ];
        let misfits: Vec<Misfit> = found.into_iter().flatten().collect();
        if misfits.is_empty() { Ok(plan) } else { Err(Error::DoesNotFit(Misfits(misfits))) }
    }
}

/// An image that is larger than its partition.
pub(super) fn misfit(part: &'static str, image: u64, size: Mebibytes) -> Option<Misfit> {
    let partition = size.bytes();
    (image > partition).then_some(Misfit { part, image, partition })
}
