//! A small world, made by our own programs: two releases, a repository on a server that may misbehave, and
//! a host that runs the older release from set A of a disk image.

mod releases;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gptprio::{SetId, Sets};
use serde_json::Value;
use signpost::{Access, Disk, PartRange};
use tempfile::TempDir;

use crate::hostile::Hostile;
use crate::programs::{self, Finished};

/// What the host runs.
pub const OLD: &str = "1.0.0";

/// What it is to be updated to.
pub const NEW: &str = "1.1.0";

/// A part of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Boot image.
    Boot,
    /// Root filesystem.
    Root,
    /// Its tree.
    Hash,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 3] = [Self::Boot, Self::Root, Self::Hash];

    /// Its name in reports and file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Boot => "boot",
            Self::Root => "root",
            Self::Hash => "hash",
        }
    }
}

/// A world of its own for one test; it goes with it.
#[derive(Debug)]
pub struct World {
    folder: TempDir,
    /// Serves the repository.
    pub server: Hostile,
}

impl World {
    /// Both releases built, the newer one published, the older one on the disk.
    pub fn new() -> Self {
        let world = Self::unpublished();
        world.publish(NEW, &[]);
        world
    }

    /// As [`World::new`], with nothing to fetch but the whole images.
    pub fn of_images() -> Self {
        let world = Self::unpublished();
        world.publish(NEW, &["--images", "lz4"]);
        world
    }

    /// As [`World::of_images`], with root images of more than 24 MB: long enough to be read back while they are still being written.
    pub fn large() -> Self {
        let world = Self::built(&SPEC.replace("root = 8", "root = 40"), (24_000_000, CHANGED));
        world.publish(NEW, &["--images", "lz4"]);
        world
    }

    /// Both releases built, the older one on the disk, the repository empty.
    pub fn unpublished() -> Self {
        Self::built(SPEC, (0, CHANGED))
    }

    /// The specification of the images, how many bytes more than usual their root filesystems have, and how many that differ.
    fn built(spec: &str, (more, changed): (usize, usize)) -> Self {
        let folder = tempfile::tempdir().expect("there is room for temporary files");
        let path = folder.path();
        fs::create_dir_all(path.join("repo")).expect("a new folder can be made");
        let server = Hostile::serve(&path.join("repo")).expect("loopback has free ports");
        let world = Self { folder, server };
        for version in [OLD, NEW] {
            world.build(version, spec, (more, changed));
        }
        let parts = world.parts(OLD);
        programs::must(
            "image-builder",
            &["disk", "--parts", text(&parts), "--out", text(&world.disk())],
        );
        world.init(&[]);
        world.configure("");
        world
    }

    /// A path in the world's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The disk image.
    pub fn disk(&self) -> PathBuf {
        self.path("disk.img")
    }

    /// The folder with the images of a release.
    pub fn parts(&self, version: &str) -> PathBuf {
        self.path(&format!("parts-{version}"))
    }

    /// Makes the repository anew, without releases, and gives the host its root.
    pub fn init(&self, more: &[&str]) {
        let (repo, keys) = (self.path("repo"), self.path("keys"));
        // What was there is another test's beginning.
        let _ = fs::remove_dir_all(&repo);
        let mut arguments = vec!["init", "--repo", text(&repo), "--keys", text(&keys)];
        arguments.extend(more);
        programs::must("repo-tools", &arguments);
        let root = repo.join("metadata/1.root.json");
        fs::copy(root, self.path("root.json")).expect("the repository has a first root");
    }

    /// Publishes a release that was built.
    pub fn publish(&self, version: &str, more: &[&str]) {
        let (repo, keys, parts) = (self.path("repo"), self.path("keys"), self.parts(version));
        let mut arguments = vec!["release", "add", "--repo", text(&repo), "--keys", text(&keys)];
        arguments.extend(["--parts", text(&parts)]);
        arguments.extend(more);
        programs::must("repo-tools", &arguments);
    }

    /// Replaces targets of the published repository and has python-tuf sign it again.
    pub fn sign_elsewhere(&self, targets: &[(&str, &[u8])]) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/author.py");
        let mut command = Command::new(programs::python());
        command.arg(script).arg(self.path("repo")).arg(self.path("keys"));
        fs::create_dir_all(self.path("replaced")).expect("a new folder can be made");
        for (number, (name, bytes)) in targets.iter().enumerate() {
            let file = self.path("replaced").join(number.to_string());
            write(&file, bytes);
            command.arg(format!("{name}={}", text(&file)));
        }
        let signed = programs::finished(&mut command);
        assert_eq!(signed.code, 0, "author.py: {}", signed.stderr);
    }

    /// The published manifest.
    pub fn manifest(&self) -> Value {
        let entries = fs::read_dir(self.path("repo/targets")).expect("there are targets");
        let paths = entries.map(|entry| entry.expect("a folder can be listed").path());
        let manifests = paths.filter(|path| text(path).ends_with(".manifest.json"));
        let newest =
            manifests.max_by_key(|path| fs::metadata(path).and_then(|it| it.modified()).ok());
        let bytes = fs::read(newest.expect("there is a manifest")).expect("it can be read");
        serde_json::from_slice(&bytes).expect("manifests are JSON")
    }

    /// Name of the target that holds a part of the newer release.
    pub fn target_name(&self, part: Part) -> String {
        let name = &self.manifest()["updates"][0]["images"][part.name()];
        name.as_str().expect("the manifest names it").to_owned()
    }

    /// Writes the host's configuration, with `more` lines, and its os-release.
    pub fn configure(&self, more: &str) {
        let config = format!(
            "metadata_base_url = {:?}\ntargets_base_url = {:?}\nseed = 7\nretries = 2\n\
             idle_timeout_seconds = 20\nroot_path = 'root.json'\nmetadata_cache = 'cache'\n\
             migrations_dir = 'migrations'\nstate_dir = 'state'\nos_release_path = 'os-release'\n{more}\n",
            self.server.url("metadata/"),
            self.server.url("targets/"),
        );
        write(&self.path("updog.toml"), config);
        self.os_release("small", OLD);
    }

    /// Has the host wait for silent servers for so long only.
    pub fn wait_for(&self, seconds: u32) {
        let config = fs::read_to_string(self.path("updog.toml")).expect("there is one");
        let fewer = format!("idle_timeout_seconds = {seconds}\n");
        assert!(config.contains("idle_timeout_seconds = 20\n"), "{config}");
        write(&self.path("updog.toml"), config.replace("idle_timeout_seconds = 20\n", &fewer));
    }

    /// Has the host try again so often only.
    pub fn try_again(&self, times: u32) {
        let config = fs::read_to_string(self.path("updog.toml")).expect("there is one");
        let other = format!("retries = {times}\n");
        assert!(config.contains("retries = 2\n"), "{config}");
        write(&self.path("updog.toml"), config.replace("retries = 2\n", &other));
    }

    /// Makes the host run this.
    pub fn os_release(&self, variant: &str, version: &str) {
        let text = format!("VARIANT_ID={variant}\nVERSION_ID={version}\n");
        write(&self.path("os-release"), text);
    }

    /// Runs `updog` on the host while set A runs.
    pub fn updog(&self, arguments: &[&str]) -> Finished {
        programs::run("updog", &self.updog_arguments(SetId::A, arguments))
    }

    /// The command line of `updog` on the host while `active` runs.
    pub fn updog_arguments<'a>(&self, active: SetId, arguments: &[&'a str]) -> Vec<&'a str> {
        let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
        let config = leak(text(&self.path("updog.toml")).to_owned());
        let disk = leak(text(&self.disk()).to_owned());
        let mut all = vec!["--config", config, "--disk", disk, "--active"];
        all.push(if active == SetId::A { "A" } else { "B" });
        all.extend(arguments);
        all
    }

    /// The boot bits on the disk.
    pub fn sets(&self) -> Sets {
        self.open().sets()
    }

    /// The set that boots next.
    pub fn next(&self) -> Option<SetId> {
        gptprio::choose(&self.sets()).map(|choice| choice.set)
    }

    /// The place of a partition.
    pub fn range(&self, set: SetId, part: Part) -> PartRange {
        let disk = self.open();
        let layout = disk.layout().set(set).expect("the disk has both sets");
        match part {
            Part::Boot => layout.boot,
            Part::Root => layout.root,
            Part::Hash => layout.hash,
        }
    }

    /// Whether a set holds a release, byte for byte.
    pub fn holds(&self, set: SetId, version: &str) -> bool {
        let disk = fs::read(self.disk()).expect("the disk can be read");
        Part::ALL.into_iter().all(|part| {
            let image = self.image(version, part);
            let start = usize::try_from(self.range(set, part).start).expect("test disks are small");
            disk[start..].starts_with(&image)
        })
    }

    /// The published target of a part of the newer release.
    pub fn target(&self, part: Part) -> PathBuf {
        let report = self.report(NEW);
        let digest = report["images"][part.name()]["transport"]["sha256"].as_str();
        let digest = digest.expect("the report names the digest").to_owned();
        let entries = fs::read_dir(self.path("repo/targets")).expect("there are targets");
        let mut paths = entries.map(|entry| entry.expect("a folder can be listed").path());
        paths.find(|path| text(path).contains(&digest)).expect("the target is published")
    }

    /// The build report of a release.
    pub fn report(&self, version: &str) -> Value {
        let text = fs::read(self.parts(version).join("build-report.json"));
        serde_json::from_slice(&text.expect("the release was built")).expect("reports are JSON")
    }

    /// Replaces the build report of a release.
    pub fn set_report(&self, version: &str, report: &Value) {
        write(&self.parts(version).join("build-report.json"), report.to_string());
    }

    fn open(&self) -> Disk {
        Disk::open(&self.disk(), Access::Read).expect("the disk has a table")
    }

    /// Builds a release from a root filesystem of a few files.
    fn build(&self, version: &str, text_of_spec: &str, (more, changed): (usize, usize)) {
        let (spec, rootfs) = (self.path("image.toml"), self.path(&format!("rootfs-{version}")));
        write(&spec, text_of_spec);
        make_rootfs(&rootfs, version);
        write(&rootfs.join("usr/lib/more"), noise("more", more));
        write(&rootfs.join("usr/lib/changed"), noise(version, changed));
        let parts = self.parts(version);
        let arguments = ["build", "--spec", text(&spec), "--rootfs", text(&rootfs)];
        let more = ["--version", version, "--out", text(&parts)];
        programs::must("image-builder", &[&arguments[..], &more[..]].concat());
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

/// A disk of a few mebibytes.
const SPEC: &str = "variant = 'small'\narch = 'x86_64'\nproduct_line = 'small'\n\
    kernel = 'boot/vmlinuz'\ninitramfs = 'boot/initrd'\n\
    [sizes]\nboot = 4\nroot = 8\nhash = 1\nreserved = 1\nprivate = 1\ndata = 1\n";

/// Bytes that differ between releases.
const CHANGED: usize = 1_000_000;

/// Stands for a kernel.
const KERNEL: &str = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub";

/// A root filesystem whose big files differ between versions in part.
pub fn make_rootfs(folder: &Path, version: &str) {
    for name in ["boot", "etc", "usr/lib"] {
        fs::create_dir_all(folder.join(name)).expect("a new folder can be made");
    }
    write(&folder.join("etc/os-release"), "ID=small\n");
    // Any program for UEFI will do where nothing is started.
    fs::copy(KERNEL, folder.join("boot/vmlinuz")).expect("the package systemd-boot-efi is there");
    write(&folder.join("boot/initrd"), noise("initrd", 600_000));
    write(&folder.join("usr/lib/same"), noise("same", 3_000_000));
    write(&folder.join("usr/lib/changed"), noise(version, CHANGED));
}

/// Bytes that do not compress, the same for the same word.
pub fn noise(word: &str, length: usize) -> Vec<u8> {
    let mut state = word.bytes().fold(0x9E37_79B9_7F4A_7C15_u64, |state, byte| {
        (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes: Vec<u8> =
        std::iter::repeat_with(&mut next).take(length / 8 + 1).flatten().collect();
    bytes.truncate(length);
    bytes
}

/// Writes a file.
pub fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::write(path, bytes).expect("a test's file can be written");
}

/// A path as text.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are text")
}
