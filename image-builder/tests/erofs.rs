//! Our erofs images as erofs-utils read them: the same names with the same contents.

#![allow(clippy::unwrap_used, clippy::panic)]

mod world;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use image_builder::filesystem::{Identity, make};
use image_builder::rootfs::{Content, Inode, InodeKind, Metadata, RootPath, Tree};
use image_builder::spec::FilesystemKind;
use proptest::prelude::*;
use uuid::Uuid;
use world::tool;

/// What lies at a path: a content, the target of a link, or nothing for a folder.
type Found = BTreeMap<Vec<u8>, (char, Vec<u8>)>;

fn path(bytes: &[u8]) -> RootPath {
    RootPath::parse(bytes).unwrap()
}

fn put(tree: &mut Tree, name: &[u8], kind: InodeKind) {
    let metadata = Metadata { mode: 0o755, ..Metadata::default() };
    tree.insert(&path(name), Inode { metadata, kind }).unwrap();
}

fn file(bytes: Vec<u8>) -> InodeKind {
    InodeKind::File(Content::Bytes(bytes.into()))
}

/// Makes an image of a tree, lets fsck.erofs extract it, and compares.
fn assert_same(tree: &Tree) {
    let folder = tempfile::tempdir().unwrap();
    let (image, out) = (folder.path().join("image"), folder.path().join("out"));
    let identity = Identity { uuid: Uuid::from_u128(7), timestamp: 1 };
    make(FilesystemKind::Erofs, tree, &identity, &image, folder.path(), &|_| ()).unwrap();
    assert_eq!(image.metadata().unwrap().len() % 4096, 0);
    fs::create_dir(&out).unwrap();
    let extract = format!("--extract={}", out.display());
    tool("fsck.erofs", "erofs-utils", &[&extract, image.to_str().unwrap()]);
    let mut found = Found::new();
    collect(&out, &out, &mut found);
    let mut wanted = Found::new();
    for (path, _, inode) in tree.entries().skip(1) {
        let what = match &inode.kind {
            InodeKind::File(content) => ('f', content.read().unwrap()),
            InodeKind::Symlink(target) => ('l', target.clone()),
            _ => ('d', Vec::new()),
        };
        wanted.insert(path.as_bytes().to_vec(), what);
    }
    assert!(found.keys().eq(wanted.keys()), "other names: {:?}", found.keys());
    for (path, content) in wanted {
        assert!(found[&path] == content, "{} differs", String::from_utf8_lossy(&path));
    }
}

fn collect(root: &Path, folder: &Path, found: &mut Found) {
    for entry in fs::read_dir(folder).unwrap() {
        let below = entry.unwrap().path();
        let kind = below.symlink_metadata().unwrap().file_type();
        let what = if kind.is_dir() {
            collect(root, &below, found);
            ('d', Vec::new())
        } else if kind.is_symlink() {
            ('l', fs::read_link(&below).unwrap().as_os_str().as_bytes().to_vec())
        } else {
            ('f', fs::read(&below).unwrap())
        };
        let name = below.strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec();
        found.insert(name, what);
    }
}

#[test]
fn an_empty_tree_is_an_image() {
    assert_same(&Tree::default());
}

#[test]
fn sizes_around_blocks_are_kept() {
    let mut tree = Tree::default();
    for size in [0, 1, 4095, 4096, 4097, 8192, 100_000] {
        put(&mut tree, format!("file-{size}").as_bytes(), file(vec![0xa5; size]));
    }
    assert_same(&tree);
}

#[test]
fn folders_of_many_blocks_are_kept() {
    let mut tree = Tree::default();
    for index in 0..2000 {
        put(&mut tree, format!("many/{index:0200}").as_bytes(), file(Vec::new()));
        put(&mut tree, format!("folders/{index}/inside").as_bytes(), file(vec![1]));
    }
    assert_same(&tree);
}

#[test]
fn folders_that_fill_blocks_to_the_last_byte_are_kept() {
    // '.' and '..' take 27 bytes, each further entry 12 and its name.
    for total in 4080..=4110_usize {
        let mut tree = Tree::default();
        let names = 16;
        let mut left = total - 27;
        for index in 0..names {
            let length = (left / (names - index)).clamp(14, 267) - 12;
            left -= length + 12;
            let name: Vec<u8> = vec![b'a' + u8::try_from(index).unwrap(); length];
            put(&mut tree, &name, file(Vec::new()));
        }
        assert_same(&tree);
    }
}

#[test]
fn links_of_every_length_are_kept() {
    let mut tree = Tree::default();
    for length in [1, 59, 60, 255, 4000, 4063, 4064, 4065, 4095] {
        put(&mut tree, format!("link-{length}").as_bytes(), InodeKind::Symlink(vec![b'x'; length]));
    }
    assert_same(&tree);
}

#[test]
fn attributes_larger_than_a_block_are_kept() {
    let mut tree = Tree::default();
    for index in 0..4 {
        let xattrs = BTreeMap::from([
            (b"user.big".to_vec(), vec![index; 3000]),
            (b"user.more".to_vec(), vec![9; 3000]),
        ]);
        let metadata = Metadata { mode: 0o755, uid: 70_000, gid: 80_000, xattrs };
        let inode = Inode { metadata, kind: file(vec![index; 5000]) };
        tree.insert(&path(format!("file-{index}").as_bytes()), inode).unwrap();
    }
    assert_same(&tree);
}

#[test]
fn attributes_that_erofs_does_not_know_are_refused() {
    let mut tree = Tree::default();
    let xattrs = BTreeMap::from([(b"system.nfs4_acl".to_vec(), vec![1])]);
    let inode =
        Inode { metadata: Metadata { xattrs, ..Metadata::default() }, kind: file(Vec::new()) };
    tree.insert(&path(b"odd"), inode).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let identity = Identity { uuid: Uuid::nil(), timestamp: 1 };
    let image = folder.path().join("image");
    let error = make(FilesystemKind::Erofs, &tree, &identity, &image, folder.path(), &|_| ());
    assert_eq!(error.unwrap_err().to_string(), "/odd cannot go into erofs");
    assert!(!image.exists());
}

/// A random tree: names of one to three parts, contents and links.
fn trees() -> impl Strategy<Value = Tree> {
    let name = prop::collection::vec("[a-c.\u{e4}-]{1,40}", 1..4)
        .prop_filter("a name", |parts| parts.iter().all(|part| part != "." && part != ".."));
    let kind = prop_oneof![
        (0..20_000_usize, any::<u8>()).prop_map(|(size, byte)| file(vec![byte; size])),
        "[a-z/]{1,80}".prop_map(|target| InodeKind::Symlink(target.into_bytes())),
        Just(InodeKind::Directory),
    ];
    prop::collection::vec((name, kind), 0..60).prop_map(|entries| {
        let mut tree = Tree::default();
        for (parts, kind) in entries {
            let metadata = Metadata { mode: 0o755, ..Metadata::default() };
            // A name below a file or a link is no place for anything.
            let _ = tree.insert(&path(parts.join("/").as_bytes()), Inode { metadata, kind });
        }
        tree
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn random_trees_are_kept(tree in trees()) {
        assert_same(&tree);
    }
}
