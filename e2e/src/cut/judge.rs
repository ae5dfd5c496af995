//! Whether a state is one that no host may come to.
//!
//! A machine with this disk is started by the boot selector's own code. The set that it starts, and every set that could be started
//! by its bits, must be a whole release: its root agrees with its tree block by block, the tree with the root hash of a release that was built, boot and hash
//! image are those of that release byte for byte. The files beside it must be what our own programs' readers take: trusted
//! metadata that are no older than before, a record of what was staged, a ledger, a generation of what is kept. Verdicts are kept by what they are
//! about, since most states differ in little.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::hash::Hash;
use std::io;
use std::num::NonZero;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use datastore::{Area, Contents, Store};
use gptdisk::Loaded;
use gptprio::SetId;
use migrator::links::current;
use migrator::{Access, Folder};
use signpost::{Layout, PartRange, SetLayout};
use tempfile::TempDir;
use verity::{ReadAt, RootHash};

use super::boot::{Boot, Reader, boot};
use super::moment::State;
use super::sectors::{SECTOR, Sectors};
use super::tree::Tree;

/// A release that a set may hold.
#[derive(Clone, Debug)]
pub struct Release {
    /// Its version.
    pub version: String,
    /// Its root hash.
    pub root_hash: [u8; 32],
    /// Its boot image.
    pub boot: Vec<u8>,
    /// Its root image.
    pub root: Vec<u8>,
    /// Its hash image.
    pub hash: Vec<u8>,
}

/// What a state came to.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// What the selector did.
    pub boot: Arc<Boot>,
    /// The release in the set that it started.
    pub version: String,
}

/// Versions of stored metadata, by the names of their files.
pub type Floors = BTreeMap<String, u64>;

/// What is known of a host, whatever its state.
#[derive(Clone, Debug)]
pub struct Known {
    /// The releases that a set may hold.
    pub releases: Arc<[Release]>,
    /// The places of the sets.
    pub layouts: BTreeMap<SetId, SetLayout>,
    /// The root that the image brought.
    pub shipped_root: Arc<[u8]>,
    /// What the host trusted before.
    pub floors: Floors,
    /// Whether something was kept for the next boot.
    pub kept: bool,
    /// Settings that it may have, as they were before and as they are to be.
    pub settings: Vec<Settings>,
}

/// Settings of a version, all that there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    version: String,
    all: BTreeMap<Area, Contents>,
}

/// Who judges the states of one disk.
#[derive(Debug)]
pub struct Judge {
    known: Known,
    boots: Cache<(u64, u64, u64), Result<Arc<Boot>, String>>,
    sets: Cache<(SetId, u64), Result<String, String>>,
    files: Cache<(&'static str, u64), Result<(), String>>,
    scratch: TempDir,
}

type Cache<K, V> = Mutex<HashMap<K, V>>;

/// A look at one folder of a host.
type Look = fn(&Known, &Path) -> Result<(), String>;

/// Folders of a host, and what must be right with them.
const FOLDERS: [(&str, Look); 4] =
    [("cache", cache), ("state", state), ("migrations", kept), ("datastore", settings)];

/// Sectors at each end of the disk that hold a copy of the table.
pub(super) const TABLE: u64 = 34;

impl Judge {
    /// A judge who knows all this, and puts files below `scratch` to look at them.
    ///
    /// # Errors
    ///
    /// Fails when there can be no folder for that.
    pub fn new(known: Known, scratch: &Path) -> io::Result<Self> {
        let (boots, sets, files) = Default::default();
        Ok(Self { known, boots, sets, files, scratch: tempfile::tempdir_in(scratch)? })
    }

    /// Judges a state.
    ///
    /// # Errors
    ///
    /// Says why the host is lost.
    pub fn judge(&self, state: &State) -> Result<Verdict, String> {
        let verdict = self.judge_disk(&state.disk)?;
        for (name, look) in FOLDERS {
            self.judge_files(name, look, &state.files)?;
        }
        if let Some(made) = state.files.file("new.img") {
            let digest = state.files.only("new.img").digest();
            remembered(&self.files, ("new.img", digest), || installed(&self.known.releases, made))?;
        }
        Ok(verdict)
    }

    /// Judges the disk alone.
    ///
    /// # Errors
    ///
    /// As [`Judge::judge`].
    pub fn judge_disk(&self, disk: &Sectors) -> Result<Verdict, String> {
        let boot = self.start(disk)?;
        let version = self.release_in(disk, boot.set)?;
        for (set, bits) in boot.sets.iter() {
            if bits.is_bootable() {
                self.release_in(disk, set).map_err(|why| format!("it can boot, and {why}"))?;
            }
        }
        Ok(Verdict { boot, version })
    }

    /// What the selector does, which depends on the table and on the boot images.
    fn start(&self, disk: &Sectors) -> Result<Arc<Boot>, String> {
        let end = disk.count();
        let images = self.known.layouts.values();
        let images = images.fold(0, |sum, layout| sum ^ disk.digest(sectors(layout.boot)));
        let key = (disk.digest(0..TABLE), disk.digest(end - TABLE..end), images);
        remembered(&self.boots, key, || boot(disk).map(Arc::new))
    }

    /// The release that a set holds, whole.
    ///
    /// # Errors
    ///
    /// Says what does not agree.
    pub fn release_in(&self, disk: &Sectors, set: SetId) -> Result<String, String> {
        let layout = self.known.layouts.get(&set).ok_or("there is no such set")?;
        let parts = [layout.boot, layout.root, layout.hash];
        let digest = parts.iter().fold(0, |sum, part| sum ^ disk.digest(sectors(*part)));
        remembered(&self.sets, (set, digest), || {
            self.whole(disk, layout).map_err(|why| format!("set {set} is not whole: {why}"))
        })
    }

    fn whole(&self, disk: &Sectors, layout: &SetLayout) -> Result<String, String> {
        whole(&self.known.releases, disk, layout)
    }

    fn judge_files(&self, name: &'static str, look: Look, files: &Tree) -> Result<(), String> {
        let tree = files.below(name);
        if !files.has(name) {
            let is_missed = match name {
                "cache" => !self.known.floors.is_empty(),
                "migrations" => self.known.kept,
                "datastore" => !self.known.settings.is_empty(),
                _ => false,
            };
            return if is_missed { Err(format!("{name} is gone")) } else { Ok(()) };
        }
        remembered(&self.files, (name, tree.digest()), || {
            let made = tempfile::tempdir_in(self.scratch.path());
            let folder = made.map_err(|error| error.to_string())?;
            tree.make(folder.path()).map_err(|error| format!("{name} cannot be made: {error}"))?;
            look(&self.known, folder.path()).map_err(|why| format!("{name}: {why}"))
        })
    }
}

/// The release that a set holds, whole.
fn whole(releases: &[Release], disk: &Sectors, layout: &SetLayout) -> Result<String, String> {
    let [boot, root, hash] =
        [layout.boot, layout.root, layout.hash].map(|range| Part { disk, range });
    let mut found = releases.iter().filter(|release| hash.begins_with(&release.hash));
    let release = found.next().ok_or("its tree is that of no release")?;
    if !boot.begins_with(&release.boot) {
        return Err(format!("it has the tree of {} and another boot image", release.version));
    }
    let root_hash = RootHash(release.root_hash);
    let length = |bytes: &[u8]| u64::try_from(bytes.len()).unwrap_or(0);
    let (data, tree) = (length(&release.root), length(&release.hash));
    verity::verify(&root, data, &hash, tree, &root_hash, NonZero::<usize>::MIN, &|_| ())
        .map_err(|error| format!("{}: {error}", release.version))?;
    Ok(release.version.clone())
}

/// A disk that was made whole: it boots a release, from a set that it finds by itself.
///
/// # Errors
///
/// Says what is wrong with it.
pub(super) fn installed(releases: &[Release], bytes: &[u8]) -> Result<(), String> {
    let disk = Sectors::new(bytes.into());
    let boot = boot(&disk)?;
    let table = Loaded::read(&mut Reader(&disk)).map_err(|error| error.to_string())?;
    let layout = Layout::of(table.table()).map_err(|error| error.to_string())?;
    let layout = layout.set(boot.set).ok_or("the set that boots is none")?;
    whole(releases, &disk, layout).map(drop)
}

/// The bytes of a partition.
struct Part<'d> {
    disk: &'d Sectors,
    range: PartRange,
}

impl Part<'_> {
    fn begins_with(&self, bytes: &[u8]) -> bool {
        let first = sectors(self.range).start;
        bytes
            .chunks(SECTOR)
            .zip(first..)
            .all(|(piece, sector)| self.disk.sector(sector).starts_with(piece))
    }
}

impl ReadAt for Part<'_> {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let sector = u64::try_from(SECTOR).map_err(io::Error::other)?;
        let first = (self.range.start + offset) / sector;
        self.disk.read(first, buffer);
        Ok(())
    }
}

/// The sectors of a partition.
pub(super) fn sectors(range: PartRange) -> Range<u64> {
    range.start / 512..(range.start + range.length).div_ceil(512)
}

fn remembered<K: Eq + Hash, V: Clone>(cache: &Cache<K, V>, key: K, find: impl FnOnce() -> V) -> V {
    let lock = || cache.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = lock().get(&key) {
        return known.clone();
    }
    let found = find();
    lock().insert(key, found.clone());
    found
}

/// Trusted metadata: each file is there whole, and no older than before.
fn cache(known: &Known, folder: &Path) -> Result<(), String> {
    use trust::Error::{NotStored, WrongHash, WrongLength, WrongVersion};
    let found = versions(folder)?;
    for (name, floor) in &known.floors {
        match found.get(name) {
            Some(version) if version >= floor => {}
            Some(version) => return Err(format!("{name} went from version {floor} to {version}")),
            // What keys vouched for that a newer root withdrew is taken away.
            None if name != "root.json" && is_newer(known, &found) => {}
            None => return Err(format!("{name} is gone")),
        }
    }
    // What is there together verifies together, or a part of it is still to come.
    let store = trust::Store::open_shared(folder).map_err(|error| error.to_string())?;
    match trust::offline(&store, &known.shipped_root, trust::Expiry::AsOfSigning) {
        Ok(_)
        | Err(NotStored { .. } | WrongVersion { .. } | WrongLength { .. } | WrongHash { .. }) => {
            Ok(())
        }
        Err(error) => Err(chain(&error)),
    }
}

fn is_newer(known: &Known, found: &Floors) -> bool {
    found.get("root.json") > known.floors.get("root.json")
}

/// The versions of the metadata that lie in a folder.
///
/// # Errors
///
/// Says which file makes no sense.
pub fn versions(folder: &Path) -> Result<Floors, String> {
    let mut versions = Floors::new();
    for name in ["root.json", "timestamp.json", "snapshot.json", "targets.json"] {
        let path = folder.join(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(format!("{name}: {error}")),
        };
        let value: serde_json::Value =
            serde_json::from_slice(&bytes).map_err(|error| format!("{name}: {error}"))?;
        let version = value["signed"]["version"].as_u64();
        versions.insert(name.to_owned(), version.ok_or(format!("{name} has no version"))?);
    }
    Ok(versions)
}

/// What `updog` remembers: a record of what was staged, the ledger, and the agent's records and orders, each absent or whole.
fn state(_: &Known, folder: &Path) -> Result<(), String> {
    updog::staged::Staged::read(folder).map_err(|error| chain(&error))?;
    updog::boots::file::read(folder).map_err(|error| chain(&error))?;
    updog::agent::record::Record::read(folder).map_err(|error| chain(&error))?;
    updog::agent::orders::read(folder).map_err(|error| chain(&error))?;
    // One that is torn counts as none, and would not be noticed.
    let checked = folder.join(updog::agent::checked::FILE);
    if checked.exists() && updog::agent::checked::Checked::read(folder).is_none() {
        return Err("what was found last is torn".to_owned());
    }
    Ok(())
}

/// What is kept for the next boot, whole; absent only if nothing was kept before.
fn kept(known: &Known, folder: &Path) -> Result<(), String> {
    match updog::kept::load(folder, &known.shipped_root).map_err(|error| chain(&error))? {
        None if known.kept => Err("what was kept is gone".to_owned()),
        _ => Ok(()),
    }
}

/// Settings: those of before, or those that are to be, whole, and of the version that they are said to be.
fn settings(known: &Known, folder: &Path) -> Result<(), String> {
    match settings_in(folder)? {
        Some(found) if known.settings.contains(&found) => Ok(()),
        Some(found) => Err(format!("there are other settings: {found:?}")),
        None => Err("there are no settings".to_owned()),
    }
}

/// The settings in a data store, by its own readers.
///
/// # Errors
///
/// Says what is wrong with it.
pub(super) fn settings_in(folder: &Path) -> Result<Option<Settings>, String> {
    let opened = Folder::open(folder, Access::Read).map_err(|error| chain(&error))?;
    let Some(folder) = opened else { return Ok(None) };
    let current = current(&folder).map_err(|error| chain(&error))?;
    let Some(current) = current else { return Ok(None) };
    let store = Store::open(folder.join(&current.store.to_string()));
    let all = store.and_then(|store| store.read_all()).map_err(|error| chain(&error))?;
    Ok(Some(Settings { version: current.version.to_string(), all }))
}

/// An error with its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
