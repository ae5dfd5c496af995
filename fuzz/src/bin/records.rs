//! Any bytes as the record of what is staged, of what is kept for the next boot, and as os-release: refused, or written and read again as
//! the same.
#![no_main]

use std::path::Path;

use fuzz::input::Input;
use fuzz::limits;
use updog::host;
use updog::kept::Record;
use updog::staged::Staged;

fuzz::target!(|input| {
    let mut input = Input(input);
    let kind = input.byte() % 3;
    let bytes = input.0;
    limits::within((64 << 10) + 40 * bytes.len(), || match kind {
        0 => staged(bytes),
        1 => kept(bytes),
        _ => os_release(bytes),
    });
});

fn staged(bytes: &[u8]) {
    let Ok(staged) = Staged::parse(bytes, Path::new("staged.json")) else { return };
    let written = serde_json::to_vec(&staged).expect("a record has a form in JSON");
    assert_eq!(Staged::parse(&written, Path::new("staged.json")).expect("it was written"), staged);
}

fn kept(bytes: &[u8]) {
    let Ok(record) = Record::parse(bytes) else { return };
    assert_eq!(Record::parse(&record.to_json()), Ok(record));
}

fn os_release(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let Ok((variant, version)) = host::parse(text, Path::new("os-release")) else { return };
    assert!(!variant.is_empty() && text.contains(&version.to_string()));
}
