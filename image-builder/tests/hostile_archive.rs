//! Root filesystems from people who mean harm.

#![allow(clippy::unwrap_used, clippy::panic)]

mod world;

use std::fs;

use tar::EntryType;
use world::{Entry, World, archive, build, usual};

/// Builds with some entries more, which must be refused, naming the last; looks for what they may have left.
fn refused(entries: &[Entry], wanted: &str) {
    for filesystem in ["erofs", "ext4"] {
        let world = World::new();
        world.spec(&format!("filesystem = '{filesystem}'"));
        world.tar("hostile.tar", &[&usual()[..], entries].concat());
        let said = world.fails(4, &build("hostile.tar", "out"));
        assert!(said.contains(wanted), "{filesystem}: {said}");
        assert_eq!(world.names(), ["hostile.tar", "image.toml", "rootfs.tar"], "{filesystem}");
    }
}

#[test]
fn a_name_that_leads_upwards_is_refused() {
    refused(&[Entry::file("../escaped", "x")], "cannot take '../escaped'");
    refused(&[Entry::file("./usr/../../escaped", "x")], "its name contains '..'");
    refused(&[Entry::folder("..")], "its name contains '..'");
    refused(&[Entry::symlink("a/../../escaped", "x")], "its name contains '..'");
}

#[test]
fn an_absolute_name_is_refused() {
    refused(&[Entry::file("/tmp/escaped", "x")], "its name is absolute");
    refused(&[Entry::hard_link("./link", "/etc/passwd")], "its name is absolute");
}

#[test]
fn a_name_behind_a_symbolic_link_is_refused() {
    let link = Entry::symlink("./trap", "/tmp");
    refused(&[link.clone(), Entry::file("./trap/escaped", "x")], "behind the symbolic link /trap");
    refused(&[link.clone(), Entry::folder("./trap/escaped/")], "behind the symbolic link /trap");
    refused(
        &[link.clone(), Entry::hard_link("./trap/escaped", "./etc/shadow")],
        "behind the symbolic link",
    );
    refused(&[link, Entry::symlink("./trap/escaped", "x")], "behind the symbolic link /trap");
}

#[test]
fn a_hard_link_out_of_the_archive_is_refused() {
    refused(&[Entry::hard_link("./link", "../../etc/passwd")], "its name contains '..'");
    refused(
        &[Entry::hard_link("./link", "./nothing")],
        "a hard link to /nothing, which is not there",
    );
    refused(&[Entry::hard_link("./link", "./usr")], "a hard link to the folder /usr");
}

#[test]
fn the_root_cannot_become_something_else() {
    refused(&[Entry::symlink("./", "/")], "the root of the filesystem must be a folder");
    refused(&[Entry::file(".", "x")], "the root of the filesystem must be a folder");
}

#[test]
fn entries_of_unknown_types_are_refused() {
    refused(&[Entry::device("./odd", EntryType::new(b'Z'))], "an entry of an unknown type");
    let sparse = Entry::file("./sparse", "x");
    let mut pax = Vec::new();
    let mut builder = tar::Builder::new(&mut pax);
    builder.append_pax_extensions([("GNU.sparse.major", &b"1"[..])]).unwrap();
    drop(builder);
    let world = World::new();
    let ends = 1024;
    let mut bytes = archive(&usual());
    bytes.truncate(bytes.len() - ends);
    pax.truncate(pax.len() - ends);
    fs::write(world.path("pax.tar"), [bytes, pax, archive(&[sparse])].concat()).unwrap();
    let said = world.fails(4, &build("pax.tar", "out"));
    assert!(said.contains("a sparse file in pax format"), "{said}");
}

#[test]
fn a_symbolic_link_replaced_by_a_folder_is_no_trap() {
    let world = World::new();
    let entries = [
        Entry::symlink("./trap", "/tmp"),
        Entry::folder("./trap/"),
        Entry::file("./trap/inside", "x"),
    ];
    world.tar("late.tar", &[&usual()[..], &entries].concat());
    world.build("late.tar", "out");
    assert_eq!(world.names(), ["image.toml", "late.tar", "out", "rootfs.tar"]);
}

#[test]
fn the_os_release_is_not_written_through_a_link_out_of_the_tree() {
    let world = World::new();
    let victim = world.path("victim");
    fs::write(&victim, "untouched").unwrap();
    let link = Entry::symlink("./usr/lib/os-release", victim.to_str().unwrap());
    world.tar("link.tar", &[&usual()[..], &[link]].concat());
    let _ = world.run(&build("link.tar", "out"));
    assert_eq!(fs::read_to_string(victim).unwrap(), "untouched");
}

#[test]
fn a_truncated_archive_is_an_error() {
    let world = World::new();
    let bytes = archive(&usual());
    // In the middle of a header, in a name, in a content; not between entries, which is a whole archive for tar.
    for keep in [100, 700, 90_000, bytes.len() - 2000] {
        fs::write(world.path("cut.tar"), &bytes[..keep]).unwrap();
        let output = world.run(&build("cut.tar", "out"));
        assert!(matches!(output.status.code(), Some(1 | 2)), "{keep}: {}", world::stderr(&output));
        assert_eq!(world.names(), ["cut.tar", "image.toml", "rootfs.tar"]);
    }
}

#[test]
fn names_that_look_like_commands_stay_names() {
    let world = World::new();
    world.spec("filesystem = 'ext4'");
    let odd = ["./a\" b", "./-rf", "./$(touch escaped)", "./a;touch escaped", "./#", "./ "];
    let entries: Vec<Entry> = odd.iter().map(|name| Entry::file(name, "x")).collect();
    world.tar("odd.tar", &[&usual()[..], &entries].concat());
    world.build("odd.tar", "out");
    let image = world.path("out/root.img");
    let listed = world::tool("debugfs", "e2fsprogs", &["-R", "ls -l /", image.to_str().unwrap()]);
    for name in ["a\" b", "-rf", "$(touch escaped)", "a;touch escaped", "#"] {
        assert!(listed.contains(name), "{name} is missing in {listed}");
    }
    assert_eq!(world.names(), ["image.toml", "odd.tar", "out", "rootfs.tar"]);
    world.tar("feed.tar", &[&usual()[..], &[Entry::file("./a\nrm /boot", "x")]].concat());
    assert!(world.fails(1, &build("feed.tar", "out")).contains("its name has a control character"));
    world.spec("filesystem = 'erofs'");
    world.build("feed.tar", "out");
}
