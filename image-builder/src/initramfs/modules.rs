//! The kernel modules that go in, in the order in which they can be loaded.
//!
//! What depends on what is in `lib/modules/<release>/modules.dep`, as depmod(8) writes it, one line a module:
//!
//! ```text
//! kernel/fs/erofs/erofs.ko: kernel/lib/libcrc32c.ko
//! ```
//!
//! What a module needs stands after it, the deepest last. Modules that are a part of the kernel are in `modules.builtin`.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::FileError;
use crate::rootfs::{Content, RootPath, Tree};
use crate::spec::{FilesystemKind, ModuleName};
use crate::uki;

use super::unpack::Packing;

/// Why modules cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum ModulesError {
    /// It is not known whose modules to take.
    #[error(
        "the kernel does not say its release, and the root filesystem has modules of {0} releases"
    )]
    Release(usize),
    /// There are no modules of this kernel.
    #[error(
        "the root filesystem has no modules of kernel {0}: there is no /lib/modules/{0}/modules.dep"
    )]
    NoModules(String),
    /// Some are missing.
    #[error("kernel {release} has no module {names}: neither as a file nor built in")]
    Missing {
        /// Release of the kernel.
        release: String,
        /// The modules, with commas.
        names: String,
    },
    /// The file of one is not there.
    #[error("modules.dep of kernel {release} names {path}, which is not in the root filesystem")]
    NoFile {
        /// Release of the kernel.
        release: String,
        /// The file.
        path: String,
    },
    /// One could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// One could not be decompressed.
    #[error("cannot decompress the kernel module {name}")]
    Unpack {
        /// The module.
        name: ModuleName,
        /// Why.
        source: std::io::Error,
    },
}

/// A module, not compressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Module {
    /// Its name.
    pub(super) name: ModuleName,
    /// Its content.
    pub(super) bytes: Vec<u8>,
}

/// A module that is to go in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    name: ModuleName,
    needed: bool,
}

impl Wanted {
    /// One without which nothing can be built.
    pub(super) fn needed(name: ModuleName) -> Self {
        Self { name, needed: true }
    }

    /// One that is taken where there is such a thing.
    fn welcome(name: &str) -> Option<Self> {
        Some(Self { name: ModuleName::new(name)?, needed: false })
    }
}

/// What machines need to reach their root: faster digests, disks as virtual machines and servers have them, variables of the
/// firmware, a verified device and the filesystem on it; a watchdog, which is loaded only where one is asked for and there is no other; and the
/// firmware as a place for what the kernel says when it panics. Not every kernel has every driver.
pub(super) fn usual(filesystem: FilesystemKind) -> Vec<Wanted> {
    let welcome = [
        "sha256-ssse3",
        "sha256-arm64",
        "sha2-ce",
        "crc32c-intel",
        "virtio_pci",
        "virtio_blk",
        "nvme",
        "softdog",
        "efi_pstore",
    ];
    let needed = ["efivarfs", "dm-verity", filesystem.name()];
    let welcome = welcome.into_iter().filter_map(Wanted::welcome);
    welcome.chain(needed.into_iter().filter_map(ModuleName::new).map(Wanted::needed)).collect()
}

/// Reads the wanted modules and all that they depend on.
///
/// # Errors
///
/// Names those that are missing.
pub(super) fn collect(
    tree: &Tree,
    kernel: &[u8],
    wanted: &[Wanted],
) -> Result<Vec<Module>, ModulesError> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let index = Index::open(tree, release(tree, kernel)?)?;
    index.order(wanted)?.into_iter().map(|name| index.module(tree, name)).collect()
}

/// The release of the kernel: what it says, or the only one that there are modules of.
fn release(tree: &Tree, kernel: &[u8]) -> Result<String, ModulesError> {
    if let Some(release) = uki::kernel_release(kernel) {
        return Ok(release);
    }
    let folder = folder_of(tree, "").ok_or(ModulesError::Release(0))?;
    let inside = tree.entries().map(|(path, ..)| path).filter(|path| path.is_below(&folder));
    let depth = folder.names().count() + 1;
    let mut found: Vec<_> = inside.filter(|path| path.names().count() == depth).collect();
    match (found.pop(), found.len()) {
        (Some(only), 0) => Ok(String::from_utf8_lossy(only.name()).into_owned()),
        (last, others) => Err(ModulesError::Release(others + usize::from(last.is_some()))),
    }
}

/// The folder with the modules of a release, behind all links.
fn folder_of(tree: &Tree, release: &str) -> Option<RootPath> {
    tree.resolve(&RootPath::parse(format!("lib/modules/{release}").as_bytes()).ok()?)
}

/// The modules of a kernel.
#[derive(Debug)]
struct Index {
    release: String,
    folder: RootPath,
    files: BTreeMap<ModuleName, File>,
    built_in: BTreeSet<ModuleName>,
}

/// The file of a module.
#[derive(Debug)]
struct File {
    path: String,
    packing: Packing,
    /// What it needs, in the order of `modules.dep`.
    needs: Vec<ModuleName>,
}

impl Index {
    fn open(tree: &Tree, release: String) -> Result<Self, ModulesError> {
        let text = |folder: &RootPath, name: &str| -> Result<Option<String>, ModulesError> {
            let Some(content) = file(tree, folder, name) else { return Ok(None) };
            Ok(Some(String::from_utf8_lossy(&content.read()?).into_owned()))
        };
        let folder = folder_of(tree, &release);
        let folder = folder.ok_or_else(|| ModulesError::NoModules(release.clone()))?;
        let files = text(&folder, "modules.dep")?;
        let files = files.ok_or_else(|| ModulesError::NoModules(release.clone()))?;
        let built_in = text(&folder, "modules.builtin")?.unwrap_or_default();
        Ok(Self {
            release,
            folder,
            files: files.lines().filter_map(File::parse).collect(),
            built_in: built_in.lines().filter_map(name_of).map(|(name, _)| name).collect(),
        })
    }

    /// All that must be loaded, each after what it needs.
    fn order(&self, wanted: &[Wanted]) -> Result<Vec<&ModuleName>, ModulesError> {
        let mut order: Vec<&ModuleName> = Vec::new();
        let mut missing = BTreeSet::new();
        for Wanted { name, needed } in wanted {
            let Some((name, file)) = self.files.get_key_value(name) else {
                if *needed && !self.built_in.contains(name) {
                    missing.insert(name.as_str());
                }
                continue;
            };
            for name in file.needs.iter().rev().chain([name]) {
                if !order.contains(&name) {
                    order.push(name);
                }
            }
        }
        if missing.is_empty() {
            return Ok(order);
        }
        let names = missing.into_iter().collect::<Vec<_>>().join(", ");
        Err(ModulesError::Missing { release: self.release.clone(), names })
    }

    fn module(&self, tree: &Tree, name: &ModuleName) -> Result<Module, ModulesError> {
        let no_file = |path: &str| ModulesError::NoFile {
            release: self.release.clone(),
            path: path.to_owned(),
        };
        let found = self.files.get(name).ok_or_else(|| no_file(name.as_str()))?;
        let content = file(tree, &self.folder, &found.path).ok_or_else(|| no_file(&found.path))?;
        let unpacked = found.packing.unpack(content.read()?);
        let bytes =
            unpacked.map_err(|source| ModulesError::Unpack { name: name.clone(), source })?;
        Ok(Module { name: name.clone(), bytes })
    }
}

impl File {
    fn parse(line: &str) -> Option<(ModuleName, Self)> {
        let (path, needs) = line.split_once(':')?;
        let (name, packing) = name_of(path)?;
        let needs = needs.split_ascii_whitespace().filter_map(name_of).map(|(name, _)| name);
        Some((name, Self { path: path.to_owned(), packing, needs: needs.collect() }))
    }
}

/// The name of a module and how it is packed, by the path of its file.
fn name_of(path: &str) -> Option<(ModuleName, Packing)> {
    let file = path.rsplit('/').next().unwrap_or(path);
    let (name, packing) = Packing::of(file)?;
    Some((ModuleName::new(name)?, packing))
}

/// A file by its path from a folder.
fn file<'a>(tree: &'a Tree, folder: &RootPath, path: &str) -> Option<&'a Content> {
    let path = [folder.as_bytes(), b"/", path.as_bytes()].concat();
    tree.file(&RootPath::parse(&path).ok()?).map(|(_, content)| content)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::rootfs::{Inode, InodeKind, Metadata};

    const DEP: &str = "kernel/drivers/virtio/virtio_pci.ko: kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko\n\
                       kernel/drivers/virtio/virtio_ring.ko: kernel/drivers/virtio/virtio.ko\n\
                       kernel/drivers/virtio/virtio.ko:\n\
                       kernel/drivers/block/virtio_blk.ko: kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko\n\
                       kernel/fs/erofs/erofs.ko.gz: kernel/lib/lib-crc32c.ko\n\
                       kernel/lib/lib-crc32c.ko:\n";

    /// A root filesystem whose modules hold their own paths, under `usr/lib` as in systems with one folder for it.
    fn tree(releases: &[&str]) -> Tree {
        let mut tree = Tree::default();
        let mut put = |path: &str, kind: InodeKind| {
            let path = RootPath::parse(path.as_bytes()).unwrap();
            tree.insert(&path, Inode { metadata: Metadata::default(), kind }).unwrap();
        };
        let text = |text: &str| InodeKind::File(Content::Bytes(text.as_bytes().into()));
        put("lib", InodeKind::Symlink(b"usr/lib".to_vec()));
        for release in releases {
            let folder = format!("usr/lib/modules/{release}");
            put(&format!("{folder}/modules.dep"), text(DEP));
            put(&format!("{folder}/modules.builtin"), text("kernel/fs/ext4/ext4.ko\n"));
            for path in DEP.lines().filter_map(|line| line.split(':').next()) {
                put(&format!("{folder}/{path}"), text(path));
            }
        }
        tree
    }

    fn kernel(release: &str) -> Vec<u8> {
        let mut kernel = vec![0; 0x400];
        kernel[0x202..0x206].copy_from_slice(b"HdrS");
        kernel[0x20e..0x210].copy_from_slice(&0x100_u16.to_le_bytes());
        kernel[0x300..0x300 + release.len()].copy_from_slice(release.as_bytes());
        kernel
    }

    fn wanted(names: &[&str]) -> Vec<Wanted> {
        names.iter().filter_map(|name| ModuleName::new(name)).map(Wanted::needed).collect()
    }

    fn collected(tree: &Tree, kernel: &[u8], names: &[&str]) -> Result<Vec<String>, ModulesError> {
        let modules = collect(tree, kernel, &wanted(names))?;
        Ok(modules.into_iter().map(|module| module.name.to_string()).collect())
    }

    #[test]
    fn what_is_needed_comes_before_and_once() {
        let found = collected(&tree(&["6.1"]), &kernel("6.1"), &["virtio-pci", "virtio_blk"]);
        assert_eq!(found.unwrap(), ["virtio", "virtio_ring", "virtio_pci", "virtio_blk"]);
    }

    #[test]
    fn what_is_built_in_needs_no_file() {
        assert!(collected(&tree(&["6.1"]), &kernel("6.1"), &["ext4"]).unwrap().is_empty());
    }

    #[test]
    fn all_that_is_missing_is_named() {
        let error = collected(&tree(&["6.1"]), &kernel("6.1"), &["virtio", "btrfs", "b-cache"]);
        let error = error.unwrap_err().to_string();
        assert!(error.starts_with("kernel 6.1 has no module b_cache, btrfs:"), "{error}");
    }

    #[test]
    fn usual_drivers_may_be_missing_but_not_the_filesystem() {
        let (tree, kernel) = (tree(&["6.1"]), kernel("6.1"));
        let error = collect(&tree, &kernel, &usual(FilesystemKind::Ext4)).unwrap_err().to_string();
        assert!(error.contains("has no module dm_verity, efivarfs:"), "{error}");
    }

    #[test]
    fn modules_of_another_kernel_are_not_taken() {
        for (releases, kernel) in [(&["6.1"][..], kernel("6.2")), (&[], kernel("6.2"))] {
            let error = collected(&tree(releases), &kernel, &["virtio"]).unwrap_err();
            assert!(matches!(error, ModulesError::NoModules(ref release) if release == "6.2"));
        }
    }

    #[test]
    fn a_kernel_that_does_not_say_its_release_has_the_only_modules() {
        let found = collected(&tree(&["6.1"]), b"an arm64 Image", &["virtio"]).unwrap();
        assert_eq!(found, ["virtio"]);
        for (releases, count) in [(&["6.1", "6.2"][..], 2), (&[], 0)] {
            let error = collected(&tree(releases), b"an arm64 Image", &["virtio"]).unwrap_err();
            assert!(matches!(error, ModulesError::Release(found) if found == count), "{error}");
        }
    }

    #[test]
    fn a_damaged_module_is_named() {
        let error = collected(&tree(&["6.1"]), &kernel("6.1"), &["erofs"]).unwrap_err();
        assert_eq!(error.to_string(), "cannot decompress the kernel module erofs");
    }

    #[test]
    fn a_module_without_its_file_is_named() {
        let mut tree = tree(&["6.1"]);
        let path = "usr/lib/modules/6.1/kernel/drivers/virtio/virtio.ko";
        tree.remove(&RootPath::parse(path.as_bytes()).unwrap());
        let error = collected(&tree, &kernel("6.1"), &["virtio"]).unwrap_err().to_string();
        assert!(error.contains("kernel/drivers/virtio/virtio.ko, which is not in"), "{error}");
    }
}
