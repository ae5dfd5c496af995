//! Any bytes as a bundle's tar file, with checksums that hold: refused, or files that another program finds at the same places.
#![no_main]

use std::collections::HashMap;

use fuzz::limits;
use updog::source::tar::{Member, members};

const BLOCK: usize = 512;

fuzz::target!(|input| {
    let mut bytes = input.to_vec();
    bytes.resize(bytes.len().next_multiple_of(BLOCK) + 2 * BLOCK, 0);
    sign(&mut bytes);
    let length = bytes.len() as u64;
    let memory = (64 << 10) + 4 * bytes.len();
    let Ok(found) = limits::within(memory, || members(bytes.as_slice(), length)) else { return };
    let mut ends: Vec<_> = found.values().map(|it| (it.start, it.start + it.length)).collect();
    ends.sort_unstable();
    assert!(ends.iter().all(|(_, end)| *end <= length));
    assert!(ends.windows(2).all(|pair| pair[0].1 <= pair[1].0));
    for name in found.keys() {
        assert!(name.split('/').all(|part| !["", ".", ".."].contains(&part)), "{name}");
    }
    assert_eq!(listed(&bytes), found);
});

/// What the tar crate finds.
fn listed(bytes: &[u8]) -> HashMap<String, Member> {
    let mut archive = tar::Archive::new(bytes);
    let entries = archive.entries().expect("it is memory");
    let mut files = HashMap::new();
    for entry in entries {
        let entry = entry.expect("it was taken");
        if entry.header().entry_type().is_dir() {
            continue;
        }
        let name = String::from_utf8(entry.path_bytes().into_owned()).expect("names are text");
        let name = name.strip_prefix("./").unwrap_or(&name).to_owned();
        let member = Member { start: entry.raw_file_position(), length: entry.size() };
        assert!(files.insert(name, member).is_none(), "no name is there twice");
    }
    files
}

/// Makes the checksum of every header right, as far as one follows the other.
fn sign(bytes: &mut [u8]) {
    let mut offset = 0;
    while let Some(header) = bytes.get_mut(offset..).and_then(|rest| rest.get_mut(..BLOCK)) {
        if header.iter().all(|byte| *byte == 0) {
            return;
        }
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let Ok(length) = tar::Header::from_byte_slice(header).entry_size() else { return };
        let Ok(length) = usize::try_from(length) else { return };
        let Some(next) = length.checked_next_multiple_of(BLOCK) else { return };
        let Some(next) = next.checked_add(offset + BLOCK) else { return };
        offset = next;
    }
}
