//! OCI image layouts as trees: index, manifest and layers of the OCI image specification 1.1.
//!
//! Every blob is compared with its size and digest before it is read. Layers may be plain, gzip or zstd. A
//! whiteout removes what lower layers put there, never what its own layer does.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::tarball::{self, TarEntry};
use super::{EntryError, RootPath, RootfsError, Tree, TreeError};
use crate::digest::sha256_of;
use crate::error::{FileError, OnFile};
use crate::spec::Arch;

/// The largest index, manifest or configuration that is read.
const MAX_JSON: u64 = 4 << 20;

/// Indexes within indexes that are followed.
const MAX_DEPTH: usize = 4;

/// Why an OCI layout cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum OciError {
    /// A file of it could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A document of it is not what it should be.
    #[error("{} is not a valid document", path.display())]
    Document {
        /// The document.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// The layout has another version.
    #[error("layout version {0} is not known, only 1.0.0")]
    Version(String),
    /// A digest that names no blob.
    #[error("'{0}' is no SHA-256 digest")]
    Digest(String),
    /// A blob with another length.
    #[error("{} has {found} bytes, and its descriptor says {wanted}", path.display())]
    Size {
        /// The blob.
        path: PathBuf,
        /// Its length.
        found: u64,
        /// The length in its descriptor.
        wanted: u64,
    },
    /// A blob with another content.
    #[error("the content of {} does not match its digest", .0.display())]
    Content(PathBuf),
    /// No image, or more than one, is left to take.
    #[error("it has {0} images for {1}, and exactly one is needed")]
    Images(usize, &'static str),
    /// Indexes within indexes without end.
    #[error("its indexes are nested too deeply")]
    Depth,
    /// A document that is too long to be one.
    #[error("{} is longer than {MAX_JSON} bytes", .0.display())]
    TooLong(PathBuf),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Marker {
    image_layout_version: String,
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Manifest {
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
    size: u64,
    platform: Option<Platform>,
}

#[derive(Clone, Deserialize)]
struct Platform {
    architecture: String,
    os: String,
}

/// Reads the image for `arch` of an OCI layout.
pub(super) fn read(layout: &Path, arch: Arch, work: &Path) -> Result<Tree, RootfsError> {
    let wrong =
        |source: OciError| RootfsError::Oci { path: layout.to_owned(), source: source.into() };
    let layers = Layout { folder: layout }.layers(arch).map_err(wrong)?;
    let mut tree = Tree::default();
    for layer in layers {
        let mut entries = Vec::new();
        tarball::entries(&layer, work, |entry| {
            entries.push(entry);
            Ok(())
        })?;
        apply(&mut tree, entries).map_err(|(entry, source)| RootfsError::Entry {
            source_path: layer.clone(),
            entry,
            source,
        })?;
    }
    Ok(tree)
}

/// Puts a layer on top of a tree: first its whiteouts, then its files.
fn apply(tree: &mut Tree, entries: Vec<TarEntry>) -> Result<(), (String, EntryError)> {
    let (whiteouts, files): (Vec<_>, Vec<_>) =
        entries.into_iter().partition(|entry| entry.path.name().starts_with(b".wh."));
    for whiteout in whiteouts {
        let folder = whiteout.path.parent().unwrap_or_default();
        match whiteout.path.name() {
            b".wh..wh..opq" => tree.clear(&folder),
            name => remove(tree, &folder, &name[b".wh.".len()..])
                .map_err(|error| (whiteout.path.to_string(), error))?,
        }
    }
    for entry in files {
        let name = entry.path.to_string();
        entry.put_into(tree).map_err(|error| (name, error))?;
    }
    Ok(())
}

fn remove(tree: &mut Tree, folder: &RootPath, name: &[u8]) -> Result<(), EntryError> {
    match name {
        b"" | b"." | b".." => Err(TreeError::NotFolder(folder.clone()).into()),
        _ => {
            tree.remove(&folder.child(name));
            Ok(())
        }
    }
}

struct Layout<'a> {
    folder: &'a Path,
}

impl Layout<'_> {
    /// The checked layers of the image for `arch`, the lowest first.
    fn layers(&self, arch: Arch) -> Result<Vec<PathBuf>, OciError> {
        let marker: Marker = document(&self.folder.join("oci-layout"))?;
        if marker.image_layout_version != "1.0.0" {
            return Err(OciError::Version(marker.image_layout_version));
        }
        let index: Index = document(&self.folder.join("index.json"))?;
        let images = self.images(index, arch, 0)?;
        let [image] = images.as_slice() else {
            return Err(OciError::Images(images.len(), arch.name()));
        };
        let manifest: Manifest = document(&self.blob(image)?)?;
        self.blob(&manifest.config)?;
        manifest.layers.iter().map(|layer| self.blob(layer)).collect()
    }

    /// The images for `arch` of an index and of the indexes in it.
    fn images(&self, index: Index, arch: Arch, depth: usize) -> Result<Vec<Descriptor>, OciError> {
        if depth > MAX_DEPTH {
            return Err(OciError::Depth);
        }
        let mut images = Vec::new();
        for descriptor in index.manifests {
            match descriptor.media_type.as_str() {
                "application/vnd.oci.image.index.v1+json" => {
                    let inner = document(&self.blob(&descriptor)?)?;
                    images.extend(self.images(inner, arch, depth + 1)?);
                }
                "application/vnd.oci.image.manifest.v1+json" if suits(&descriptor, arch) => {
                    images.push(descriptor);
                }
                _ => {}
            }
        }
        Ok(images)
    }

    /// The path of a blob, after its size and digest were compared.
    fn blob(&self, descriptor: &Descriptor) -> Result<PathBuf, OciError> {
        let hex = descriptor.digest.strip_prefix("sha256:").filter(|hex| is_digest(hex));
        let hex = hex.ok_or_else(|| OciError::Digest(descriptor.digest.clone()))?;
        let path = self.folder.join("blobs/sha256").join(hex);
        let found = path.metadata().on("read", &path)?.len();
        if found != descriptor.size {
            return Err(OciError::Size { path, found, wanted: descriptor.size });
        }
        if sha256_of(&path)?.sha256 == hex { Ok(path) } else { Err(OciError::Content(path)) }
    }
}

/// Whether an image runs on `arch`; one that does not say is taken.
fn suits(descriptor: &Descriptor, arch: Arch) -> bool {
    let wanted = match arch {
        Arch::X86_64 => "amd64",
        Arch::Aarch64 => "arm64",
    };
    let platform = descriptor.platform.as_ref();
    platform.is_none_or(|platform| platform.architecture == wanted && platform.os == "linux")
}

fn is_digest(hex: &str) -> bool {
    hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn document<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, OciError> {
    let mut bytes = Vec::new();
    let file = File::open(path).on("read", path)?;
    let read =
        io::BufReader::new(file).take(MAX_JSON + 1).read_to_end(&mut bytes).on("read", path)?;
    if u64::try_from(read).map_or(true, |read| read > MAX_JSON) {
        return Err(OciError::TooLong(path.to_owned()));
    }
    serde_json::from_slice(&bytes)
        .map_err(|source| OciError::Document { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::super::{Content, Inode, InodeKind, Metadata};
    use super::*;
    use crate::rootfs::tarball::TarKind;

    fn layer(names: &[&str]) -> Vec<TarEntry> {
        let kind = || InodeKind::File(Content::Bytes([].into()));
        let inode = || Inode { metadata: Metadata::default(), kind: kind() };
        let path = |name: &&str| RootPath::parse(name.as_bytes()).expect("a plain path");
        names
            .iter()
            .map(|name| TarEntry { path: path(name), kind: TarKind::Inode(inode()) })
            .collect()
    }

    fn names(layers: &[&[&str]]) -> Vec<String> {
        let mut tree = Tree::default();
        for names in layers {
            assert!(apply(&mut tree, layer(names)).is_ok());
        }
        tree.entries().map(|(path, ..)| path.to_string()).collect()
    }

    #[test]
    fn a_whiteout_removes_what_lies_below_it() {
        assert_eq!(names(&[&["a/x", "a/y"], &["a/.wh.x"]]), ["/", "/a", "/a/y"]);
        assert_eq!(names(&[&["a/x", "b"], &[".wh.a"]]), ["/", "/b"]);
    }

    #[test]
    fn a_whiteout_spares_its_own_layer() {
        assert_eq!(names(&[&["a/x"], &["a/n", "a/.wh..wh..opq"]]), ["/", "/a", "/a/n"]);
        assert_eq!(names(&[&["a/x"], &["a/x", "a/.wh.x"]]), ["/", "/a", "/a/x"]);
    }

    #[test]
    fn a_whiteout_of_no_name_is_refused() {
        for name in [".wh.", ".wh...", "a/.wh.."] {
            assert!(apply(&mut Tree::default(), layer(&[name])).is_err(), "{name}");
        }
    }

    #[test]
    fn digests_name_blobs_and_nothing_else() {
        assert!(is_digest(&"0f".repeat(32)));
        for text in ["", "../../etc/passwd", &"0F".repeat(32), &"0".repeat(63)] {
            assert!(!is_digest(text), "{text}");
        }
    }
}
