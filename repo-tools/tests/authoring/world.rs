//! An author, a build's folder, and a client.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use manifest::report::{
    Artifact, BuildReport, FORMAT, ImageReport, ImageReports, LayoutReport, VerityReport,
};
use manifest::{Manifest, Update};
use repo_tools::{
    Add, Added, Author, ExpiryPolicy, Framing, Init, Layout, Packing, Result, Selector, Unobserved,
};
use tempfile::TempDir;
use tough::editor::RepositoryEditor;
use tough::key_source::{KeySource, LocalKeySource};
use tough::schema::{Hashes, Target};
use tough::{ExpirationEnforcement, RepositoryLoader};
use trust::{DirectorySource, Repository, Sha256, Store};
use url::Url;

pub(crate) const NOW: &str = "2026-11-23T12:00:00Z";

pub(crate) fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A folder with a repository in `repo`, keys in `keys`, builds in `parts-VERSION`.
pub(crate) struct World {
    pub(crate) author: Author,
    folder: TempDir,
}

impl World {
    /// Nothing is there yet.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(&folder.path().join("repo"), Path::new("metadata")).unwrap();
        let author = Author {
            layout,
            keys: folder.path().join("keys"),
            policy: ExpiryPolicy::default(),
            now: time(NOW),
        };
        Self { author, folder }
    }

    /// A repository without releases.
    pub(crate) fn new() -> Self {
        let world = Self::empty();
        world.init(&Init::default());
        world
    }

    /// A repository with release 1.0.0.
    pub(crate) fn published() -> Self {
        let world = Self::new();
        world.add("1.0.0").unwrap();
        world
    }

    pub(crate) fn init(&self, options: &Init) {
        repo_tools::init(&self.author, options, &mut Unobserved).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Builds a release, unless it is built, and publishes it.
    pub(crate) fn add(&self, version: &str) -> Result<Added> {
        self.add_with(&self.options(version))
    }

    pub(crate) fn add_with(&self, options: &Add) -> Result<Added> {
        repo_tools::add(&self.author, options, &mut Unobserved)
    }

    pub(crate) fn options(&self, version: &str) -> Add {
        Add {
            parts: self.build(version),
            schedule: None,
            migrations: None,
            max_version: None,
            replace: false,
            unchecked: false,
            packing: Packing { most: 3, quiet: true, ..Packing::default() },
            framing: Framing::default(),
        }
    }

    /// The folder of a build.
    pub(crate) fn build(&self, version: &str) -> PathBuf {
        let folder = self.path(&format!("parts-{version}"));
        if !folder.exists() {
            fs::create_dir(&folder).unwrap();
            write_parts(&folder, version, version);
        }
        folder
    }

    pub(crate) fn report(&self, version: &str) -> PathBuf {
        self.build(version).join("build-report.json")
    }

    /// Changes the build report as JSON.
    pub(crate) fn edit_report(&self, version: &str, edit: impl FnOnce(&mut serde_json::Value)) {
        let path = self.report(version);
        let mut value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        edit(&mut value);
        fs::write(path, value.to_string()).unwrap();
    }

    /// A client that keeps `store` from run to run.
    pub(crate) fn client(&self, store: &str) -> trust::Result<Repository> {
        self.client_at(store, self.author.now)
    }

    pub(crate) fn client_at(&self, store: &str, now: DateTime<Utc>) -> trust::Result<Repository> {
        let source = DirectorySource::new(self.author.layout.metadata());
        let store = Store::open(self.path(store))?;
        let root = fs::read(self.author.layout.metadata().join("1.root.json")).unwrap();
        block_on(trust::refresh(&source, &store, &root, now))
    }

    /// What a new client reads.
    pub(crate) fn manifest(&self) -> Manifest {
        let folder = tempfile::tempdir_in(self.folder.path()).unwrap();
        let name = folder.path().file_name().unwrap().to_str().unwrap().to_owned();
        let repository = self.client(&name).unwrap();
        Manifest::parse(&self.target(&repository, "manifest.json")).unwrap()
    }

    pub(crate) fn update(&self, version: &str) -> Update {
        let updates = self.manifest().updates;
        updates.into_iter().find(|update| update.version.to_string() == version).unwrap()
    }

    /// The verified bytes of a target.
    pub(crate) fn target(&self, repository: &Repository, name: &str) -> Vec<u8> {
        let target = repository.target(name).unwrap();
        let bytes = fs::read(self.author.layout.targets().join(target.path())).unwrap();
        target.check(&bytes).unwrap();
        bytes
    }

    /// Every file of the repository with its bytes.
    pub(crate) fn snapshot(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let layout = &self.author.layout;
        let folders = [layout.metadata(), layout.targets()];
        let entries = folders.into_iter().flat_map(|folder| fs::read_dir(folder).unwrap());
        entries
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.clone(), fs::read(&path).unwrap()))
            .collect()
    }

    /// Publishes targets that this program would not, with tough's editor.
    pub(crate) fn publish_elsewhere(&self, targets: &[(&str, &[u8])]) {
        let layout = &self.author.layout;
        let root = self.metadata("1.root.json");
        let url = |path: &Path| Url::from_directory_path(path).unwrap();
        block_on(async {
            let bytes = fs::read(&root).unwrap();
            let loader =
                RepositoryLoader::new(&bytes, url(layout.metadata()), url(layout.targets()))
                    .expiration_enforcement(ExpirationEnforcement::Unsafe);
            let repository = loader.load().await.unwrap();
            let next = repository.timestamp().signed.version.checked_add(1).unwrap();
            let expires = "2026-12-06T12:00:00Z".parse().unwrap();
            let mut editor = RepositoryEditor::from_repo(&root, repository).await.unwrap();
            for (name, bytes) in targets {
                let sha256 = Sha256::of(bytes);
                fs::write(layout.targets().join(format!("{sha256}.{name}")), bytes).unwrap();
                let hashes =
                    Hashes { sha256: sha256.as_bytes().to_vec().into(), _extra: HashMap::new() };
                let length = bytes.len().try_into().unwrap();
                let (custom, _extra) = (HashMap::new(), HashMap::new());
                editor.add_target(*name, Target { length, hashes, custom, _extra }).unwrap();
            }
            editor.targets_version(next).unwrap().targets_expires(expires).unwrap();
            editor.snapshot_version(next).snapshot_expires(expires);
            editor.timestamp_version(next).timestamp_expires(expires);
            let keys = ["root", "targets", "snapshot", "timestamp"].map(|role| {
                // It reads keys of this kind as DER only.
                let key = fs::read(self.path(&format!("keys/{role}.pem"))).unwrap();
                let path = self.path(&format!("{role}.der"));
                fs::write(&path, pem::parse(key).unwrap().contents()).unwrap();
                let source: Box<dyn KeySource> = Box::new(LocalKeySource { path });
                source
            });
            let signed = editor.sign(&keys).await.unwrap();
            signed.write(layout.metadata()).await.unwrap();
        });
    }

    /// Publishes a manifest that this program would not.
    pub(crate) fn publish_manifest(&self, edit: impl FnOnce(&mut Manifest)) {
        let mut manifest = self.manifest();
        edit(&mut manifest);
        self.publish_elsewhere(&[("manifest.json", &manifest.to_json().unwrap())]);
    }

    pub(crate) fn metadata(&self, name: &str) -> PathBuf {
        self.author.layout.metadata().join(name)
    }
}

pub(crate) fn selector(version: &str) -> Selector {
    Selector { version: version.parse().unwrap(), variant: None, arch: None }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// A hash image and what it leads to.
pub(crate) struct Tree {
    pub(crate) hash: Vec<u8>,
    pub(crate) root_hash: String,
}

/// Writes a build whose images hold `contents` over and over, without any tree.
pub(crate) fn write_parts(folder: &Path, version: &str, contents: &str) {
    let image = |name: &str, length: usize| -> Vec<u8> {
        format!("{name} {contents} ").bytes().cycle().take(length).collect()
    };
    let tree = Tree { hash: image("hash", 8192), root_hash: "ab".repeat(32) };
    write_images(folder, version, &image("boot", 50_000), &image("root", 300_000), &tree);
}

/// Writes a build of these images.
pub(crate) fn write_images(folder: &Path, version: &str, boot: &[u8], root: &[u8], tree: &Tree) {
    let image = |name: &str, raw: &[u8]| ImageReport {
        raw: artifact(folder, &format!("{name}.img"), raw),
        transport: artifact(folder, &format!("{name}.img.lz4"), &lz4(raw)),
        partition_bytes: 1 << 20,
        fill_permille: 500,
    };
    let report = BuildReport {
        format: FORMAT,
        variant: "small".into(),
        arch: "x86_64".into(),
        version: version.parse().unwrap(),
        product_line: "small".into(),
        filesystem: "erofs".into(),
        command_line: String::new(),
        selinux: None,
        verity: VerityReport {
            root_hash: tree.root_hash.clone(),
            salt: "00".into(),
            uuid: "00000000-0000-0000-0000-000000000000".into(),
            data_blocks: 16,
        },
        secure_boot: None,
        images: ImageReports {
            boot: image("boot", boot),
            root: image("root", root),
            hash: image("hash", &tree.hash),
        },
        layout: layout(),
    };
    fs::write(folder.join("build-report.json"), serde_json::to_vec(&report).unwrap()).unwrap();
}

fn layout() -> LayoutReport {
    serde_json::from_value(serde_json::json!({
        "label_prefix": "W", "efi_bytes": 0, "boot_bytes": 0, "root_bytes": 0, "hash_bytes": 0,
        "reserved_bytes": 0, "private_bytes": 0, "data_bytes": 0,
    }))
    .unwrap()
}

fn artifact(folder: &Path, file: &str, bytes: &[u8]) -> Artifact {
    fs::write(folder.join(file), bytes).unwrap();
    Artifact {
        file: file.into(),
        length: bytes.len().try_into().unwrap(),
        sha256: Sha256::of(bytes).to_string(),
    }
}

pub(crate) fn lz4(raw: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = lz4::EncoderBuilder::new().build(Vec::new()).unwrap();
    encoder.write_all(raw).unwrap();
    let (bytes, result) = encoder.finish();
    result.unwrap();
    bytes
}
