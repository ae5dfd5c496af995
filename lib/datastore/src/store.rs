//! A store in a folder: listed, read and written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirEntry, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use crate::error::{failed, layout};
use crate::stream::Room;
use crate::{Area, Contents, Error, Json, Key, Result, key, name};

/// Folder of what is live.
pub const LIVE: &str = "live";

/// Folder of the transactions.
pub const PENDING: &str = "pending";

/// Longest value that is read, in bytes.
const MAX_VALUE: u64 = 16 << 20;

/// The most levels of folders; a key of 255 bytes has half as many segments.
const MAX_DEPTH: usize = 128;

/// Settings of one version in a folder.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

/// How much lies in a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Values and metadata, in all areas.
    pub files: u64,
}

/// A file of an area: a value, or metadata of this name.
struct Item {
    key: Key,
    metadata: Option<String>,
    path: PathBuf,
}

impl Item {
    fn put(self, value: Json, contents: &mut Contents) {
        match self.metadata {
            Some(name) => contents.metadata.entry(self.key).or_default().insert(name, value),
            None => contents.data.insert(self.key, value),
        };
    }
}

impl Store {
    /// Opens a store: a folder with `live`, and nothing beside it but `pending`.
    ///
    /// # Errors
    ///
    /// [`Error::Layout`] for anything else.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self> {
        let store = Self { folder: folder.into() };
        let names: BTreeSet<String> = store.folders(&store.folder)?.into_iter().collect();
        if !names.contains(LIVE) {
            return Err(layout(&store.folder, "it has no live settings"));
        }
        match names.iter().find(|name| ![LIVE, PENDING].contains(&name.as_str())) {
            Some(name) => Err(layout(&store.folder.join(name), "it is neither live nor pending")),
            None => Ok(store),
        }
    }

    /// Makes a new store without settings.
    ///
    /// # Errors
    ///
    /// Fails when the folder is there.
    pub fn create(folder: impl Into<PathBuf>) -> Result<Self> {
        let folder = folder.into();
        let live = folder.join(LIVE);
        fs::create_dir(&folder).map_err(failed("make", &folder))?;
        fs::create_dir(&live).map_err(failed("make", &live))?;
        Ok(Self { folder })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Live, and every transaction that is pending.
    ///
    /// # Errors
    ///
    /// Fails when something else than transactions is there.
    pub fn areas(&self) -> Result<Vec<Area>> {
        let mut areas = vec![Area::Live];
        let pending = self.folder.join(PENDING);
        if exists(&pending)? {
            for name in self.folders(&pending)? {
                let transaction = name::decode(&name)
                    .ok_or_else(|| layout(&pending.join(&name), "it is no transaction's name"))?;
                areas.push(Area::Pending(transaction));
            }
        }
        areas.sort();
        Ok(areas)
    }

    /// The keys that have values.
    ///
    /// # Errors
    ///
    /// Fails when something is there that is neither a value nor metadata.
    pub fn keys(&self, area: &Area) -> Result<BTreeSet<Key>> {
        let mut keys = BTreeSet::new();
        self.walk(area, &mut |item| {
            if item.metadata.is_none() {
                keys.insert(item.key);
            }
            Ok(())
        })?;
        Ok(keys)
    }

    /// The value of a key, if it has one.
    ///
    /// # Errors
    ///
    /// Fails when it cannot be read, or is not JSON.
    pub fn value(&self, area: &Area, key: &Key) -> Result<Option<Json>> {
        let path = self.folder_of(area).join(key.path());
        match fs::symlink_metadata(&path) {
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(failed("read", &path)(error)),
            Ok(kind) if kind.is_dir() => Ok(None),
            Ok(kind) if kind.is_file() => read(&path).map(Some),
            Ok(_) => Err(layout(&path, "it is no plain file")),
        }
    }

    /// All of an area.
    ///
    /// # Errors
    ///
    /// Fails at the first file that is not what it should be.
    pub fn read(&self, area: &Area) -> Result<Contents> {
        let mut contents = Contents::default();
        self.walk(area, &mut |item| {
            let value = read(&item.path)?;
            item.put(value, &mut contents);
            Ok(())
        })?;
        Ok(contents)
    }

    /// Everything, by area.
    ///
    /// # Errors
    ///
    /// As [`Store::read`].
    pub fn read_all(&self) -> Result<BTreeMap<Area, Contents>> {
        self.areas()?.into_iter().map(|area| Ok((area.clone(), self.read(&area)?))).collect()
    }

    /// Everything, by area, if a [stream](crate::stream) holds it with room for as much again. All of it is read, as [`Store::check`] does, in any case.
    ///
    /// # Errors
    ///
    /// As [`Store::read`].
    pub fn read_for_stream(&self) -> Result<Option<BTreeMap<Area, Contents>>> {
        let (mut all, mut room) = (BTreeMap::new(), Some(Room::half()));
        for area in self.areas()? {
            let mut contents = Contents::default();
            room = room.and_then(Room::less_area);
            self.walk(&area, &mut |item| {
                let value = read(&item.path)?;
                room = room.and_then(|room| room.less(&item.key, item.metadata.as_deref(), &value));
                match room {
                    Some(_) => item.put(value, &mut contents),
                    None => contents = Contents::default(),
                }
                Ok(())
            })?;
            all.insert(area, contents);
        }
        Ok(room.map(|_| all))
    }

    /// Reads all of all areas, to know that it is whole.
    ///
    /// # Errors
    ///
    /// As [`Store::read`].
    pub fn check(&self) -> Result<Count> {
        let mut count = Count::default();
        for area in self.areas()? {
            self.walk(&area, &mut |item| {
                count.files += 1;
                read(&item.path).map(drop)
            })?;
        }
        Ok(count)
    }

    /// Writes contents into an area that has none of these keys. Nothing is flushed.
    ///
    /// # Errors
    ///
    /// Fails when a key is there, or would have to be a folder and a file.
    pub fn write(&self, area: &Area, contents: &Contents) -> Result<()> {
        let base = self.folder_of(area);
        fs::create_dir_all(&base).map_err(failed("make", &base))?;
        let mut writer = Writer { made: base.clone() };
        for (key, value) in &contents.data {
            writer.write(&base.join(key.path()), value)?;
        }
        for (key, named) in &contents.metadata {
            for (name, value) in named {
                writer.write(&metadata_path(&base, key, name)?, value)?;
            }
        }
        Ok(())
    }

    fn folder_of(&self, area: &Area) -> PathBuf {
        match area {
            Area::Live => self.folder.join(LIVE),
            Area::Pending(transaction) => self.folder.join(PENDING).join(name::encode(transaction)),
        }
    }

    /// Names of the folders in a folder, which has nothing else.
    fn folders(&self, folder: &Path) -> Result<Vec<String>> {
        let name = |entry: DirEntry| {
            let kind = entry.file_type().map_err(failed("read", &entry.path()))?;
            let name = entry.file_name().into_string().ok().filter(|_| kind.is_dir());
            name.ok_or_else(|| layout(&entry.path(), "it is no folder of a data store"))
        };
        entries(folder)?.into_iter().map(name).collect()
    }

    /// Visits every file of an area, in no order.
    fn walk(&self, area: &Area, visit: &mut dyn FnMut(Item) -> Result<()>) -> Result<()> {
        descend(&self.folder_of(area), &mut Vec::new(), visit)
    }
}

/// Visits the files below a folder, whose segments are `above`.
fn descend(
    folder: &Path,
    above: &mut Vec<String>,
    visit: &mut dyn FnMut(Item) -> Result<()>,
) -> Result<()> {
    if above.len() > MAX_DEPTH {
        return Err(layout(folder, "it lies too deep for a key"));
    }
    for entry in entries(folder)? {
        let path = entry.path();
        let kind = entry.file_type().map_err(failed("read", &path))?;
        let name = entry.file_name();
        let name = name.to_str().ok_or_else(|| layout(&path, "its name is no text"))?;
        if kind.is_dir() {
            let segment = name::decode(name);
            above.push(segment.ok_or_else(|| layout(&path, "its name is no part of a key"))?);
            descend(&path, above, visit)?;
            above.pop();
        } else if kind.is_file() {
            visit(item(path.clone(), name, above)?)?;
        } else {
            return Err(layout(&path, "it is no plain file"));
        }
    }
    Ok(())
}

fn item(path: PathBuf, name: &str, above: &[String]) -> Result<Item> {
    let named = name::of_file(name);
    let (last, metadata) = named.ok_or_else(|| layout(&path, "its name is no key"))?;
    if let Some(problem) = metadata.as_deref().and_then(|name| key::check(name).err()) {
        return Err(layout(&path, problem));
    }
    let segments = above.iter().cloned().chain([last]);
    let key = Key::new(segments).map_err(|error| layout(&path, error))?;
    Ok(Item { key, metadata, path })
}

fn entries(folder: &Path) -> Result<Vec<DirEntry>> {
    let list = fs::read_dir(folder).map_err(failed("list", folder))?;
    list.collect::<Result<_, _>>().map_err(failed("list", folder))
}

fn exists(path: &Path) -> Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if is_absent(&error) => Ok(false),
        Err(error) => Err(failed("read", path)(error)),
    }
}

/// Whether there is no such file; a shorter key may have its place as a folder's.
fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn read(path: &Path) -> Result<Json> {
    let file = File::open(path).map_err(failed("read", path))?;
    let mut text = Vec::new();
    let read = file.take(MAX_VALUE + 1).read_to_end(&mut text).map_err(failed("read", path))?;
    if u64::try_from(read).unwrap_or(u64::MAX) > MAX_VALUE {
        return Err(Error::Long { path: path.to_owned(), limit: MAX_VALUE });
    }
    let text = String::from_utf8(text).map_err(|_| layout(path, "its value is no text"))?;
    Json::parse(text).map_err(|source| Error::Value { path: path.to_owned(), source })
}

/// Writes files, of which those of one folder follow each other.
struct Writer {
    /// A folder that is there.
    made: PathBuf,
}

impl Writer {
    fn write(&mut self, path: &Path, value: &Json) -> Result<()> {
        if let Some(above) = path.parent().filter(|above| *above != self.made) {
            fs::create_dir_all(above).map_err(failed("make", above))?;
            above.clone_into(&mut self.made);
        }
        let mut file = File::create_new(path).map_err(failed("write", path))?;
        file.write_all(value.text().as_bytes()).map_err(failed("write", path))
    }
}

/// Where metadata of a key lies below the folder of an area.
fn metadata_path(base: &Path, key: &Key, name: &str) -> Result<PathBuf> {
    key::check(name).map_err(|problem| crate::NoKey { name: name.to_owned(), problem })?;
    let mut path = base.join(key.path()).into_os_string();
    path.push(".");
    path.push(name::encode(name));
    Ok(path.into())
}
