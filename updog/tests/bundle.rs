//! Tar files made to be read in two ways, to lead elsewhere, or to be too much.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use tar::{Builder, EntryType, Header};
use updog::source::{Bundle, BundleError, TarError};

type Tar = Builder<Vec<u8>>;

fn header(kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_mtime(0);
    header
}

/// Adds a member whose name is put into the header as it is.
fn add(tar: &mut Tar, kind: EntryType, name: &[u8], body: &[u8]) {
    let mut header = header(kind, u64::try_from(body.len()).unwrap());
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_cksum();
    tar.append(&header, body).unwrap();
}

fn file(tar: &mut Tar, name: &str) {
    add(tar, EntryType::Regular, name.as_bytes(), b"body");
}

/// A pax record: its length counts itself.
fn record(key: &str, value: &str) -> Vec<u8> {
    let rest = format!(" {key}={value}\n");
    let length = (rest.len()..).find(|length| length.to_string().len() + rest.len() == *length);
    format!("{}{rest}", length.unwrap()).into_bytes()
}

fn open(bytes: &[u8]) -> Result<Bundle, TarError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle.tar");
    fs::write(&path, bytes).unwrap();
    Bundle::open(&path).map_err(|error| match error {
        BundleError::Tar { source, .. } => source,
        other => unreachable!("{other}"),
    })
}

fn made(make: impl FnOnce(&mut Tar)) -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    make(&mut tar);
    tar.into_inner().unwrap()
}

#[track_caller]
fn refused(make: impl FnOnce(&mut Tar)) -> TarError {
    open(&made(make)).unwrap_err()
}

#[test]
fn files_folders_and_long_names_are_taken() {
    let long = format!("targets/{}", "a".repeat(200));
    let bytes = made(|tar| {
        add(tar, EntryType::Directory, b"./", b"");
        add(tar, EntryType::Directory, b"./metadata/", b"");
        file(tar, "./metadata/timestamp.json");
        file(tar, "README");
        tar.append_data(&mut header(EntryType::Regular, 4), &long, &b"body"[..]).unwrap();
        let records = [record("mtime", "1.5"), record("path", "targets/b")].concat();
        add(tar, EntryType::XHeader, b"pax", &records);
        file(tar, "short");
    });
    open(&bytes).unwrap();
}

#[test]
fn a_name_that_leads_elsewhere_is_refused() {
    for name in [
        "../targets/a",
        "targets/../../a",
        "targets/..",
        "/targets/a",
        "targets//a",
        "targets/./a",
        "././a",
        "targets\\a",
        "",
        "targets/",
    ] {
        let error = refused(|tar| file(tar, name));
        assert!(matches!(error, TarError::Name { .. }), "{name:?}: {error}");
        let error = refused(|tar| {
            add(tar, EntryType::XHeader, b"pax", &record("path", name));
            file(tar, "short");
        });
        assert!(matches!(error, TarError::Name { .. }), "{name:?}: {error}");
    }
    let error = refused(|tar| add(tar, EntryType::Regular, b"targets/\xff", b""));
    assert!(matches!(error, TarError::Name { .. }), "{error}");
    let error = refused(|tar| add(tar, EntryType::Directory, b"../x/", b""));
    assert!(matches!(error, TarError::Name { .. }), "{error}");
    let long = "a".repeat(600);
    let error = refused(|tar| {
        tar.append_data(&mut header(EntryType::Regular, 4), &long, &b"body"[..]).unwrap();
    });
    assert!(matches!(error, TarError::Name { .. }), "{error}");
}

#[test]
fn a_long_name_with_more_than_its_end_is_refused() {
    for name in [&b"targets/a\0\0"[..], b"targets/a\0b\0"] {
        let error = refused(|tar| {
            add(tar, EntryType::GNULongName, b"x", name);
            file(tar, "short");
        });
        assert!(matches!(error, TarError::Name { .. }), "{error}");
    }
}

#[test]
fn a_name_that_is_there_twice_is_refused() {
    for again in ["metadata/timestamp.json", "./metadata/timestamp.json"] {
        let error = refused(|tar| {
            file(tar, "metadata/timestamp.json");
            file(tar, again);
        });
        assert!(matches!(error, TarError::Twice { .. }), "{error}");
    }
}

/// Some programs read such a header's further fields, or the records of a `pax` one, and others do not.
#[test]
fn a_header_without_the_mark_of_its_format_is_refused() {
    for kind in [EntryType::Regular, EntryType::XHeader, EntryType::GNULongName] {
        for magic in [&b"\0\0\0\0\0\0\0\0"[..], b"usta`\x0000", b"ustar\x0001"] {
            let error = refused(|tar| {
                let mut header = header(kind, 0);
                header.as_old_mut().name[0] = b'a';
                header.as_mut_bytes()[257..265].copy_from_slice(magic);
                header.set_cksum();
                tar.append(&header, &b""[..]).unwrap();
                file(tar, "short");
            });
            assert!(matches!(error, TarError::Header { offset: 0 }), "{kind:?}: {error}");
        }
    }
}

#[test]
fn only_plain_files_and_folders_are_taken() {
    for kind in [
        EntryType::Link,
        EntryType::Symlink,
        EntryType::Char,
        EntryType::Block,
        EntryType::Fifo,
        EntryType::Continuous,
        EntryType::GNUSparse,
        EntryType::GNULongLink,
        EntryType::XGlobalHeader,
        EntryType::new(b'?'),
    ] {
        let error = refused(|tar| add(tar, kind, b"targets/a", b""));
        assert!(matches!(error, TarError::Kind { .. }), "{kind:?}: {error}");
    }
    let error = refused(|tar| add(tar, EntryType::Directory, b"targets/", b"body"));
    assert!(matches!(error, TarError::Kind { .. }), "{error}");
}

#[test]
fn a_description_that_changes_more_than_the_name_is_refused() {
    for key in ["size", "linkpath", "GNU.sparse.map", "GNU.sparse.name"] {
        let error = refused(|tar| {
            add(tar, EntryType::XHeader, b"pax", &record(key, "1"));
            file(tar, "targets/a");
        });
        assert!(matches!(error, TarError::Extension { .. }), "{key}: {error}");
    }
    for broken in [&b"8 path=x\n"[..], b"x path=y\n", b"path"] {
        let error = refused(|tar| add(tar, EntryType::XHeader, b"pax", broken));
        assert!(matches!(error, TarError::Extension { .. }), "{broken:?}: {error}");
    }
}

#[test]
fn a_description_is_bounded_and_has_one_member() {
    for kind in [EntryType::GNULongName, EntryType::XHeader] {
        let error = refused(|tar| add(tar, kind, b"x", &vec![b'a'; 1 << 20]));
        assert!(matches!(error, TarError::Extension { .. }), "{kind:?}: {error}");
    }
    let error = refused(|tar| {
        add(tar, EntryType::GNULongName, b"x", b"targets/a\0");
        add(tar, EntryType::XHeader, b"x", &record("path", "targets/b"));
        file(tar, "targets/c");
    });
    assert!(matches!(error, TarError::Extension { .. }), "{error}");
    let error = refused(|tar| add(tar, EntryType::GNULongName, b"x", b"targets/a\0"));
    assert!(matches!(error, TarError::Header { .. }), "a name without a member: {error}");
    let nameless = record("mtime", "1.5");
    let error = refused(|tar| add(tar, EntryType::XHeader, b"x", &nameless));
    assert!(matches!(error, TarError::Header { .. }), "a description without a member: {error}");
    let error = refused(|tar| {
        add(tar, EntryType::XHeader, b"x", &nameless);
        add(tar, EntryType::XHeader, b"x", &nameless);
        file(tar, "targets/c");
    });
    assert!(matches!(error, TarError::Extension { .. }), "{error}");
}

#[test]
fn a_length_beyond_the_file_is_refused_without_reading_it() {
    for size in [5000, 1 << 40, u64::MAX - 1000, u64::MAX] {
        for kind in [EntryType::Regular, EntryType::Symlink] {
            let mut header = header(kind, size);
            header.set_path("targets/a").unwrap();
            header.set_cksum();
            let mut bytes = header.as_bytes().to_vec();
            bytes.extend([0; 2048]);
            let error = open(&bytes).unwrap_err();
            let told = matches!(error, TarError::Truncated { .. } | TarError::Header { .. });
            assert!(told, "{size}: {error}");
        }
    }
}

#[test]
fn a_changed_header_and_a_missing_end_are_found() {
    let whole = made(|tar| file(tar, "targets/a"));
    open(&whole).unwrap();
    for at in [0, 124, 148, 156] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        assert!(matches!(open(&bytes), Err(TarError::Header { .. })), "byte {at}");
    }
    for cut in [0, 100, 512, 600, 1024, 1536] {
        assert!(matches!(open(&whole[..cut]), Err(TarError::Truncated { .. })), "{cut}");
    }
    let mut half = whole.clone();
    half[1536] = 1;
    assert!(matches!(open(&half), Err(TarError::Header { .. })), "one block of zeros is no end");
}

#[test]
fn there_are_at_most_so_many_members() {
    let error = refused(|tar| (0..65_537).for_each(|number| file(tar, &format!("t/{number}"))));
    assert!(matches!(error, TarError::TooMany), "{error}");
}

#[test]
fn what_is_neither_file_nor_folder_is_not_waited_for() {
    let error = Bundle::open(Path::new("/dev/null")).unwrap_err();
    assert!(matches!(error, BundleError::NoFile { .. }), "{error}");
    let error = Bundle::open(Path::new("/nowhere/bundle")).unwrap_err();
    assert!(matches!(error, BundleError::Read { .. }), "{error}");
}
