//! Any bytes as a stream of settings: refused, or written again as the same bytes, and settings that can lie in folders.
#![no_main]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use datastore::{Store, stream};
use fuzz::limits;

/// What reading and writing again may take: some hundred bytes for each record.
fn memory(input: &[u8]) -> usize {
    (256 << 10) + 60 * input.len()
}

fuzz::target!(|input| {
    let Ok(all) = limits::within(memory(input), || stream::read(input)) else { return };
    let mut written = Vec::new();
    stream::write(&all, &mut written).expect("memory takes everything");
    assert_eq!(written, input, "the same settings are the same bytes");
    let folder = folder().join("store");
    let _ = fs::remove_dir_all(&folder);
    let store = Store::create(&folder).expect("there is room for a store");
    for (area, contents) in &all {
        store.write(area, contents).expect("what was read can lie in folders");
    }
    assert_eq!(store.read_all().expect("it was written"), all);
    assert_eq!(store.read_for_stream().expect("it was written"), Some(all));
});

/// A folder in memory, where there is such a place.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let memory = PathBuf::from("/dev/shm");
        let top = if memory.is_dir() { memory } else { std::env::temp_dir() };
        let folder = top.join(format!("waystone-fuzz-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("there is room for a folder");
        folder
    })
}
