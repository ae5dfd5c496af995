//! What all operations stand on: two releases, built and published by our own programs in three ways, and hosts that run the older.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use gptprio::{SetId, State};
use serde_json::Value;
use signpost::{Access, Disk};
use tempfile::TempDir;

use super::judge::{Known, Release, settings_in, versions};
use super::tree::copy_sparse;
use crate::hostile::Hostile;
use crate::programs::{self, Finished};
use crate::world::{NEW, OLD, noise, text, write};

/// A disk of a few mebibytes.
const SPEC: &str = "variant = 'small'\narch = 'x86_64'\nproduct_line = 'small'\n\
    kernel = 'boot/vmlinuz'\ninitramfs = 'boot/initrd'\n\
    [sizes]\nboot = 1\nroot = 2\nhash = 1\nreserved = 1\nprivate = 1\ndata = 1\n";

/// Any program for UEFI will do where nothing is started.
const KERNEL: &str = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub";

/// How the newer release is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// As whole images.
    Images,
    /// As frames, of which ranges are fetched.
    Frames,
    /// With a pack from the older one.
    Pack,
    /// As whole images, by keys that took the place of others, which the root withdrew.
    Withdrawn,
}

impl Way {
    /// Every way.
    pub const ALL: [Self; 4] = [Self::Images, Self::Frames, Self::Pack, Self::Withdrawn];

    fn name(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Frames => "frames",
            Self::Pack => "pack",
            Self::Withdrawn => "withdrawn",
        }
    }

    fn options(self) -> &'static [&'static str] {
        match self {
            Self::Images | Self::Withdrawn => &["--images", "lz4", "--packs", "0"],
            Self::Frames => &["--packs", "0"],
            Self::Pack => &[],
        }
    }
}

/// Releases, repositories and a first disk, made once.
#[derive(Debug)]
pub struct Bed {
    folder: TempDir,
    server: Hostile,
    releases: Arc<[Release]>,
}

impl Bed {
    /// Builds all of it in a folder below `place`.
    ///
    /// # Panics
    ///
    /// If something cannot be made: there is nothing to look at then.
    #[must_use]
    pub fn new(place: &Path) -> Self {
        let folder = tempfile::tempdir_in(place).expect("there is room for the bed");
        let repositories = folder.path().join("repositories");
        fs::create_dir(&repositories).expect("a new folder can be made");
        let server = Hostile::serve(&repositories).expect("loopback has free ports");
        let mut bed = Self { folder, server, releases: Vec::new().into() };
        bed.releases = [OLD, NEW].map(|version| bed.build(version)).into();
        let (parts, disk) = (bed.parts(OLD), bed.path("disk.img"));
        programs::must("image-builder", &["disk", "--parts", text(&parts), "--out", text(&disk)]);
        bed.make_migrations();
        Way::ALL.into_iter().for_each(|way| bed.publish(way));
        bed
    }

    /// A path in its folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The images of a release.
    #[must_use]
    pub fn parts(&self, version: &str) -> PathBuf {
        self.path(&format!("parts-{version}"))
    }

    /// The releases.
    #[must_use]
    pub fn releases(&self) -> Arc<[Release]> {
        Arc::clone(&self.releases)
    }

    /// The folder of a repository.
    #[must_use]
    pub fn repository(&self, way: Way) -> PathBuf {
        self.path("repositories").join(way.name())
    }

    fn build(&self, version: &str) -> Release {
        let (spec, rootfs) = (self.path("image.toml"), self.path(&format!("rootfs-{version}")));
        write(&spec, SPEC);
        for name in ["boot", "etc", "usr/lib"] {
            fs::create_dir_all(rootfs.join(name)).expect("a new folder can be made");
        }
        write(&rootfs.join("etc/os-release"), "ID=small\n");
        fs::copy(KERNEL, rootfs.join("boot/vmlinuz")).expect("systemd-boot-efi is installed");
        write(&rootfs.join("boot/initrd"), noise("initrd", 60_000));
        write(&rootfs.join("usr/lib/same"), noise("same", 300_000));
        write(&rootfs.join("usr/lib/changed"), noise(version, 200_000));
        let parts = self.parts(version);
        let arguments = ["build", "--spec", text(&spec), "--rootfs", text(&rootfs)];
        let more = ["--version", version, "--out", text(&parts)];
        programs::must("image-builder", &[&arguments[..], &more[..]].concat());
        let image = |name: &str| fs::read(parts.join(name)).expect("images were built");
        let report: Value =
            serde_json::from_slice(&image("build-report.json")).expect("reports are JSON");
        let root_hash = report["verity"]["root_hash"].as_str().and_then(|text| text.parse().ok());
        let root_hash: verity::RootHash = root_hash.expect("the report names the root hash");
        Release {
            version: version.to_owned(),
            root_hash: root_hash.0,
            boot: image("boot.img"),
            root: image("root.img"),
            hash: image("hash.img"),
        }
    }

    /// The migrations of the newer release: programs that are real.
    fn make_migrations(&self) {
        let folder = self.path("migrations");
        fs::create_dir(&folder).expect("a new folder can be made");
        let files = ["hostname", "ntp-servers"].map(|program| {
            let name = format!("migrate_v{NEW}_{program}");
            // Without what only a debugger reads: it is part of many thousand states.
            let mut strip = Command::new("strip");
            strip.arg("-s").arg("-o").arg(folder.join(&name));
            let stripped = strip.arg(programs::command(program).get_program());
            assert_eq!(programs::finished(stripped).code, 0, "the package migrations is built");
            name
        });
        let text = format!("[[migrations]]\nfrom = '{OLD}'\nto = '{NEW}'\nfiles = {files:?}\n");
        write(&folder.join("migrations.toml"), text);
    }

    fn publish(&self, way: Way) {
        let (repository, keys) = (self.repository(way), self.path("keys"));
        let repository = text(&repository);
        let place = ["--repo", repository, "--keys", text(&keys)];
        programs::must("repo-tools", &[&["init"], &place[..]].concat());
        for (version, options) in [(OLD, &["--packs", "0"][..]), (NEW, way.options())] {
            let (parts, migrations) = (self.parts(version), self.path("migrations"));
            let mut arguments = vec!["release", "add", "--parts", text(&parts)];
            arguments.extend(place);
            arguments.extend(options);
            if version == NEW {
                arguments.extend(["--migrations", text(&migrations)]);
            }
            programs::must("repo-tools", &arguments);
        }
        copy_folder(&self.repository(way).join("metadata"), &self.repository(way).join(EARLIER));
        if way == Way::Withdrawn {
            self.withdraw(repository);
        } else {
            programs::must("repo-tools", &[&["refresh", "--root"], &place[..]].concat());
        }
        fs::remove_dir_all(&keys).expect("the keys were made here");
    }

    /// Withdraws keys, which python-tuf does as another author.
    fn withdraw(&self, repository: &str) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/withdraw.py");
        let mut command = Command::new(programs::python());
        let signed = programs::finished(command.arg(script).arg(repository).arg(self.path("keys")));
        assert_eq!(signed.code, 0, "withdraw.py: {}", signed.stderr);
    }

    /// A new host below `place` that runs the older release from set A, and updates in this way.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn host(&self, place: &Path, way: Way) -> io::Result<Host> {
        let folder = tempfile::tempdir_in(place)?;
        let path = |name: &str| folder.path().join(name);
        copy_sparse(&fs::read(self.path("disk.img"))?, &path("disk.img"))?;
        fs::copy(self.repository(way).join("metadata/1.root.json"), path("root.json"))?;
        for name in ["checks", "efivars", "pstore"] {
            fs::create_dir(path(name))?;
        }
        fs::write(path("boot-id"), "boot-1\n")?;
        fs::write(path("cmdline"), "")?;
        let [metadata, targets] =
            ["metadata", "targets"].map(|kind| self.server.url(&format!("{}/{kind}/", way.name())));
        fs::write(
            path("updog.toml"),
            format!(
                "metadata_base_url = {metadata:?}\ntargets_base_url = {targets:?}\n{CONFIGURATION}"
            ),
        )?;
        let host = Host { folder };
        host.runs(OLD)?;
        Ok(host)
    }

    /// What is known of a host.
    ///
    /// # Errors
    ///
    /// Those of the file system, and a disk without sets.
    pub fn known(&self, host: &Host) -> io::Result<Known> {
        let disk = Disk::open(&host.disk(), Access::Read).map_err(io::Error::other)?;
        let layout = |set| Some((set, *disk.layout().set(set)?));
        let layouts: BTreeMap<_, _> = SetId::ALL.into_iter().filter_map(layout).collect();
        let shipped_root = fs::read(host.path("root.json"))?.into();
        let floors = versions(&host.path("cache")).map_err(io::Error::other)?;
        let settings = settings_in(&host.path("datastore")).map_err(io::Error::other)?;
        let settings = settings.into_iter().collect();
        let kept = fs::symlink_metadata(host.path("migrations/current")).is_ok();
        Ok(Known { releases: self.releases(), layouts, shipped_root, floors, kept, settings })
    }
}

/// Programs that are told which disk, and which set runs.
const ON_DISKS: [&str; 2] = ["updog", "signpost"];

/// What a repository said before its roles were signed again, beside its metadata.
const EARLIER: &str = "earlier-metadata";

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a new folder can be made");
    for entry in fs::read_dir(from).expect("the folder was made") {
        let entry = entry.expect("a folder can be listed");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("a file can be copied");
    }
}

const CONFIGURATION: &str = "seed = 7\nretries = 2\nidle_timeout_seconds = 20\nroot_path = 'root.json'\n\
    metadata_cache = 'cache'\nmigrations_dir = 'migrations'\nstate_dir = 'state'\n\
    os_release_path = 'os-release'\nrestart_command = ['true']\n\
    [health]\nchecks_dirs = ['checks']\ntime_limit_seconds = 30\nwatchdog = 'none'\n\
    boot_id_path = 'boot-id'\nefivars_dir = 'efivars'\ncommand_line_path = 'cmdline'\n\
    pstore_dirs = ['pstore']\n\
    [agent]\nminimum_uptime_seconds = 0\nwhile_logged_in = 'go'\non_battery = 'go'\nmetered = 'go'\nhooks_dirs = []\n\
    reboot_required_path = '/nonexistent/reboot-required'\n";

/// A host, as the files of a folder.
#[derive(Debug)]
pub struct Host {
    folder: TempDir,
}

impl Host {
    /// A host in an empty folder below `place`; its files are still to come.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn empty(place: &Path) -> io::Result<Self> {
        Ok(Self { folder: tempfile::tempdir_in(place)? })
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A path in its folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Its disk.
    #[must_use]
    pub fn disk(&self) -> PathBuf {
        self.path("disk.img")
    }

    /// Keeps its folder when it is no longer needed.
    pub fn keep(self) -> PathBuf {
        self.folder.keep()
    }

    /// Makes it run a release, as its files say it.
    ///
    /// # Errors
    ///
    /// Those of the file system.
    pub fn runs(&self, version: &str) -> io::Result<()> {
        let text = format!("VARIANT_ID=small\nVERSION_ID={version}\n");
        fs::write(self.path("os-release"), text)
    }

    /// The arguments of a program while a set runs.
    #[must_use]
    pub fn arguments(&self, active: SetId, words: &[&str]) -> Vec<String> {
        let Some((program, rest)) = words.split_first() else { return Vec::new() };
        let path = |name: &str| text(&self.path(name)).to_owned();
        if !ON_DISKS.contains(program) {
            // These know no disk; a word with a slash in front is a path of the host.
            let word = |word: &&str| word.strip_prefix('/').map_or((*word).to_owned(), &path);
            return rest.iter().map(word).collect();
        }
        let mut arguments = match *program {
            "updog" => vec!["--config".to_owned(), path("updog.toml")],
            _ => Vec::new(),
        };
        let active = if active == SetId::A { "A" } else { "B" };
        arguments.extend(["--disk".to_owned(), path("disk.img"), "--active".to_owned()]);
        arguments.push(active.to_owned());
        arguments.extend(rest.iter().map(|word| (*word).to_owned()));
        arguments
    }

    /// Runs a program to its end while a set runs.
    #[must_use]
    pub fn run(&self, active: SetId, words: &[&str]) -> Finished {
        let arguments = self.arguments(active, words);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        programs::run(words.first().unwrap_or(&"updog"), &arguments)
    }

    /// As [`Host::run`], of what must succeed.
    ///
    /// # Errors
    ///
    /// Says what the program said, if it does not.
    pub fn must(&self, active: SetId, words: &[&str]) -> io::Result<()> {
        let finished = self.run(active, words);
        let failed = || format!("{words:?} ended with {}: {}", finished.code, finished.stderr);
        if finished.code == 0 { Ok(()) } else { Err(io::Error::other(failed())) }
    }

    /// Looks for an update in what the repository said earlier.
    ///
    /// # Errors
    ///
    /// Fails when the program does.
    pub fn trust_earlier(&self) -> io::Result<()> {
        let path = self.path("updog.toml");
        let now = fs::read_to_string(&path)?;
        fs::write(&path, now.replace("/metadata/", &format!("/{EARLIER}/")))?;
        self.must(SetId::A, &["updog", "check-update"])?;
        fs::write(&path, now)
    }

    /// Starts what the boot bits say, as the selector does, and gives the set.
    ///
    /// # Errors
    ///
    /// Fails when nothing boots.
    pub fn start(&self, active: SetId) -> io::Result<SetId> {
        let mut disk = Disk::open(&self.disk(), Access::Write).map_err(io::Error::other)?;
        let state = disk.state(active);
        let started = gptprio::start(&state.sets);
        let (choice, sets) = started.ok_or_else(|| io::Error::other("nothing boots"))?;
        disk.store(&State { sets, ..state }).map_err(io::Error::other)?;
        let version = disk.release(choice.set).map(|release| release.version);
        drop(disk);
        fs::write(self.path("boot-id"), "boot-2\n")?;
        self.runs(&version.unwrap_or_default())?;
        Ok(choice.set)
    }
}
