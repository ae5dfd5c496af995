//! Any bytes as a key, as a value, and as the files of a data store: refused, or written and read again as the same.
#![no_main]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::OnceLock;

use datastore::{Area, Json, Key, Store};
use fuzz::input::Input;
use fuzz::limits;

fuzz::target!(|input| {
    let mut input = Input(input);
    let kind = input.byte() % 8;
    let bytes = input.0;
    limits::within((256 << 10) + 60 * bytes.len(), || match kind {
        0 => store(bytes),
        1 | 2 => value(bytes),
        _ => key(bytes),
    });
});

fn key(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let Ok(key) = text.parse::<Key>() else { return };
    assert_eq!(key.to_string().parse::<Key>().expect("it was written"), key);
    assert_eq!(Key::new(key.segments().to_vec()).expect("it is one"), key);
    // Whatever a key is called, its file lies below the store.
    let path = key.path();
    assert!(path.components().all(|part| matches!(part, Component::Normal(_))), "{path:?}");
    assert_eq!(path.components().count(), key.segments().len());
}

fn value(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let Ok(json) = Json::parse(text.to_owned()) else { return };
    assert_eq!(json.text(), text, "a value stays as it was");
}

/// Files by the input's choice: a name of at most 31 bytes, its content, and so on.
fn store(bytes: &[u8]) {
    let folder = folder().join("store");
    let _ = fs::remove_dir_all(&folder);
    let live = folder.join("live");
    fs::create_dir_all(&live).expect("there is room for a folder");
    let mut input = Input(bytes);
    while !input.is_empty() {
        let (name, content) = (usize::from(input.byte() % 32), usize::from(input.byte() % 32));
        put(&live, input.bytes(name), input.bytes(content));
    }
    let Ok(store) = Store::open(&folder) else { return };
    let Ok(all) = store.read_all() else { return };
    let again = folder.join("again");
    let copy = Store::create(&again).expect("there is room for a store");
    for (area, contents) in &all {
        copy.write(area, contents).expect("what was read can be written");
    }
    let read = copy.read(&Area::Live).expect("it was written");
    assert_eq!(Some(&read), all.get(&Area::Live));
}

/// A file below the folder, if its name is one that a file can have.
fn put(live: &Path, name: &[u8], content: &[u8]) {
    let path = Path::new(OsStr::from_bytes(name));
    let is_below = path.components().all(|part| matches!(part, Component::Normal(_)));
    if name.is_empty() || name.contains(&0) || !is_below {
        return;
    }
    let path = live.join(path);
    let _ = path.parent().map(fs::create_dir_all);
    let _ = fs::write(path, content);
}

/// A folder in memory, where there is such a place.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let memory = PathBuf::from("/dev/shm");
        let top = if memory.is_dir() { memory } else { std::env::temp_dir() };
        top.join(format!("waystone-fuzz-{}", std::process::id()))
    })
}
