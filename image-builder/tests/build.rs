//! From a root filesystem to the images of a release.

#![allow(clippy::unwrap_used, clippy::panic)]

mod world;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use manifest::report::BuildReport;
use verity::{available_threads, verify};
use world::{Entry, World, build, names, open, stderr, tool, usual};

const FILES: [&str; 7] = [
    "boot.img",
    "boot.img.lz4",
    "build-report.json",
    "hash.img",
    "hash.img.lz4",
    "root.img",
    "root.img.lz4",
];

#[test]
fn images_and_report_agree() {
    let world = World::new();
    let printed = world.build("rootfs.tar", "out");
    assert_eq!(names(&world.path("out")), FILES);
    let text = fs::read(world.path("out/build-report.json")).unwrap();
    let report: BuildReport = serde_json::from_slice(&text).unwrap();
    assert_eq!(serde_json::to_value(&report).unwrap(), printed);

    for image in [&report.images.boot, &report.images.root, &report.images.hash] {
        for artifact in [&image.raw, &image.transport] {
            let path = world.path(&format!("out/{}", artifact.file));
            assert_eq!(path.metadata().unwrap().len(), artifact.length, "{}", artifact.file);
            let sum = tool("sha256sum", "coreutils", &[path.to_str().unwrap()]);
            assert_eq!(&sum[..64], artifact.sha256, "{}", artifact.file);
        }
    }
    let ((data, data_length), (hash, hash_length)) =
        (open(&world.path("out/root.img")), open(&world.path("out/hash.img")));
    let root_hash = report.verity.root_hash.parse().unwrap();
    let checked =
        verify(&data, data_length, &hash, hash_length, &root_hash, available_threads(), &|_| ());
    assert_eq!(checked.unwrap().data_blocks * 4096, data_length);
    assert!(report.command_line.contains(&report.verity.root_hash));
    assert!(report.command_line.ends_with("rootfstype=erofs ro gpt panic=1 console=ttyS0"));
    assert_eq!(
        report.images.root.fill_permille,
        u32::try_from((data_length * 1000).div_ceil(24 << 20)).unwrap()
    );
}

#[test]
fn a_second_run_gives_the_same_bytes_whatever_the_order_of_entries() {
    for filesystem in ["erofs", "ext4"] {
        let world = World::new();
        world.spec(&format!("filesystem = '{filesystem}'"));
        // Another order of names, of times, and with it of inodes in the staging folder.
        let mut shuffled = usual();
        shuffled.sort_by_key(|entry| {
            (entry.kind == tar::EntryType::Link, std::cmp::Reverse(entry.name.clone()))
        });
        world.tar("shuffled.tar", &shuffled);
        world.build("rootfs.tar", "one");
        world.build("shuffled.tar", "two");
        for name in FILES {
            let [one, two] =
                ["one", "two"].map(|out| fs::read(world.path(&format!("{out}/{name}"))).unwrap());
            assert!(one == two, "{filesystem}: {name} differs");
        }
    }
}

#[test]
fn users_without_rights_make_the_same_bytes() {
    if !rustix::process::geteuid().is_root() {
        return; // then every other test shows it
    }
    let world = World::new();
    world.build("rootfs.tar", "by-root");
    let folder = world.path("");
    for path in [folder.clone(), world.path("image.toml"), world.path("rootfs.tar")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    }
    let program = world.path("image-builder");
    fs::copy(env!("CARGO_BIN_EXE_image-builder"), &program).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program);
    let output =
        command.current_dir(&folder).args(build("rootfs.tar", "by-nobody")).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    for name in FILES {
        let [one, two] = ["by-root", "by-nobody"]
            .map(|out| fs::read(world.path(&format!("{out}/{name}"))).unwrap());
        assert!(one == two, "{name} differs");
    }
}

#[test]
fn ext4_keeps_owners_modes_links_and_attributes() {
    let world = World::new();
    world.spec("filesystem = 'ext4'");
    world.build("rootfs.tar", "out");
    let image = world.path("out/root.img");
    let ask =
        |question: &str| tool("debugfs", "e2fsprogs", &["-R", question, image.to_str().unwrap()]);
    for (path, facts) in [
        ("/etc/shadow", vec!["Mode:  0640", "Group:    42"]),
        ("/usr/bin/su", vec!["Mode:  04755", "Links: 2"]),
        ("/usr/bin/su-again", vec!["Mode:  04755", "Links: 2"]),
        ("/usr/bin/ping", vec!["user.note (3)", "mtime: 0x65920080"]),
        ("/var", vec!["Mode:  01777"]),
        ("/var/log", vec!["Mode:  02755", "Group:   999", "posix_acl_default"]),
        ("/dev/null", vec!["character special", "01:03"]),
        ("/dev/loop0", vec!["block special", "Group:     6"]),
        ("/dev/initctl", vec!["FIFO"]),
        ("/etc/os-release", vec!["symlink", "\"../usr/lib/os-release\""]),
        ("\"/usr/lib/sp ace \\x2d \u{e4}\"", vec!["Size: 8"]),
    ] {
        let said = ask(&format!("stat {path}"));
        for fact in facts {
            assert!(said.contains(fact), "{path}: {fact} is missing in {said}");
        }
    }
    assert!(ask("cat /usr/lib/os-release").contains("VERSION_ID=\"1.0.0\""));
    let dumped = world.path("big");
    ask(&format!("dump /var/big {}", dumped.display()));
    let big = usual().into_iter().find(|entry| entry.name == b"./var/big").unwrap().content;
    assert!(fs::read(dumped).unwrap() == big);
}

#[test]
fn erofs_keeps_owners_modes_and_links() {
    let world = World::new();
    world.build("rootfs.tar", "out");
    let image = world.path("out/root.img");
    tool("fsck.erofs", "erofs-utils", &[image.to_str().unwrap()]);
    let bytes = fs::read(&image).unwrap();
    let tree_start = u64::from(u32::from_le_bytes(bytes[1064..1068].try_into().unwrap())) * 4096;
    for (path, mode, facts) in [
        ("/etc/shadow", 0o100_640, vec!["Gid: 42"]),
        ("/usr/bin/su", 0o104_755, vec!["Links: 2"]),
        ("/usr/bin/ping", 0o100_755, vec!["Xattr size: 2"]),
        ("/var", 0o041_777, vec![]),
        ("/var/log", 0o042_755, vec!["Gid: 999"]),
        ("/dev/null", 0o020_666, vec![]),
        ("/dev/initctl", 0o010_600, vec![]),
        ("/etc/os-release", 0o120_777, vec![]),
        ("/var/big", 0o100_644, vec!["Size: 3000000", "Layout: 0", "2024-01-01 00:00:00"]),
    ] {
        let path_option = format!("--path={path}");
        let said = tool("dump.erofs", "erofs-utils", &[&path_option, image.to_str().unwrap()]);
        for fact in facts {
            assert!(said.contains(fact), "{path}: {fact} is missing in {said}");
        }
        let number = said.split("NID: ").nth(1).unwrap().split_whitespace().next().unwrap();
        let inode = usize::try_from(tree_start + number.parse::<u64>().unwrap() * 32).unwrap();
        let found = u16::from_le_bytes(bytes[inode + 4..inode + 6].try_into().unwrap());
        assert_eq!(found, mode, "{path}: {found:o}");
    }
}

#[test]
fn folders_give_the_same_image_as_archives() {
    if !rustix::process::geteuid().is_root() {
        return; // a user's folder cannot hold other owners
    }
    let world = World::new();
    let folder = world.path("rootfs");
    fs::create_dir(&folder).unwrap();
    let (tar, folder) = (world.path("rootfs.tar"), folder.to_str().unwrap().to_owned());
    let options =
        ["-x", "--xattrs", "--xattrs-include=*", "--same-owner", "-p", "-C", &folder, "-f"];
    tool("tar", "tar", &[&options[..], &[tar.to_str().unwrap()]].concat());
    world.build("rootfs.tar", "one");
    world.build("rootfs", "two");
    let [one, two] =
        ["one", "two"].map(|out| fs::read(world.path(&format!("{out}/root.img"))).unwrap());
    assert!(one == two);
}

#[test]
fn compressed_archives_give_the_same_image_as_plain_ones() {
    let world = World::new();
    let tar = world.path("rootfs.tar");
    for (program, options) in [("gzip", ["-k", "-f"]), ("zstd", ["-q", "-f"])] {
        tool(program, program, &[&options[..], &[tar.to_str().unwrap()]].concat());
    }
    let [plain, gzip, zstd] =
        ["rootfs.tar", "rootfs.tar.gz", "rootfs.tar.zst"].map(|tar| world.build(tar, "out"));
    assert_eq!(plain, gzip);
    assert_eq!(plain, zstd);
}

#[test]
fn an_image_that_does_not_fit_is_refused_saying_by_how_much() {
    let world = World::new();
    let spec = fs::read_to_string(world.path("image.toml")).unwrap();
    fs::write(world.path("image.toml"), spec.replace("root = 24", "root = 2")).unwrap();
    let said = world.fails(4, &build("rootfs.tar", "out"));
    assert!(said.contains("the root image is") && said.contains("too large"), "{said}");
    assert!(
        said.contains("its partition has 2.0 MiB") && said.contains("next: raise 'root'"),
        "{said}"
    );
    assert_eq!(world.names(), ["image.toml", "rootfs.tar"], "nothing was written");
}

#[test]
fn every_image_that_does_not_fit_is_named() {
    let world = World::new();
    let mut entries = usual();
    entries.push(Entry::file("./boot/more", vec![7; 5 << 20]));
    world.tar("rootfs.tar", &entries);
    let spec = fs::read_to_string(world.path("image.toml")).unwrap();
    let spec = spec.replace("root = 24", "root = 2").replace("boot = 4", "boot = 1");
    fs::write(world.path("image.toml"), spec.replace("'boot/initrd'", "'boot/big'")).unwrap();
    entries.push(Entry::file("./boot/big", vec![7; 1 << 20]));
    world.tar("rootfs.tar", &entries);
    let said = world.fails(4, &build("rootfs.tar", "out"));
    assert!(said.contains("the boot image is") && said.contains("the root image is"), "{said}");
}

#[test]
fn filesystem_overhead_counts_too() {
    // 1,500 empty files: no content at all, but inodes and names.
    let world = World::new();
    let mut entries = usual();
    entries.extend(
        (0..1500).map(|index| Entry::file(&format!("./many/{}-{index}", "n".repeat(200)), "")),
    );
    world.tar("rootfs.tar", &entries);
    let spec = fs::read_to_string(world.path("image.toml")).unwrap();
    fs::write(world.path("image.toml"), spec.replace("root = 24", "root = 3")).unwrap();
    let said = world.fails(4, &build("rootfs.tar", "out"));
    assert!(said.contains("the root image is"), "{said}");
    assert_eq!(world.names(), ["image.toml", "rootfs.tar"], "nothing was written");
    for filesystem in ["erofs", "ext4"] {
        world.spec(&format!("filesystem = '{filesystem}'"));
        world.build("rootfs.tar", "out");
    }
}

#[test]
fn an_output_folder_of_others_is_left_alone() {
    let world = World::new();
    fs::create_dir(world.path("out")).unwrap();
    fs::write(world.path("out/thesis.tex"), "years").unwrap();
    let said = world.fails(4, &build("rootfs.tar", "out"));
    assert!(said.contains("thesis.tex"), "{said}");
    assert_eq!(names(&world.path("out")), ["thesis.tex"]);
    fs::remove_file(world.path("out/thesis.tex")).unwrap();
    world.build("rootfs.tar", "out");
}

#[test]
fn a_build_that_fails_keeps_the_one_before() {
    let world = World::new();
    world.build("rootfs.tar", "out");
    let before = fs::read(world.path("out/build-report.json")).unwrap();
    let mut entries = usual();
    entries.retain(|entry| !entry.name.ends_with(b"initrd"));
    world.tar("broken.tar", &entries);
    let said = world.fails(2, &build("broken.tar", "out"));
    assert!(said.contains("there is no file /boot/initrd"), "{said}");
    assert_eq!(fs::read(world.path("out/build-report.json")).unwrap(), before);
    assert_eq!(world.names(), ["broken.tar", "image.toml", "out", "rootfs.tar"]);
}

#[test]
fn a_dry_run_writes_nothing_and_tells_sizes() {
    let world = World::new();
    let arguments = [&build("rootfs.tar", "out")[..], &["--dry-run"]].concat();
    let plan: serde_json::Value = serde_json::from_str(&world.done(&arguments)).unwrap();
    assert_eq!(world.names(), ["image.toml", "rootfs.tar"]);
    let report = world.build("rootfs.tar", "out");
    assert_eq!(plan["boot"]["image_bytes"], report["images"]["boot"]["raw"]["length"]);
    let [least, real] = [&plan["root"]["image_bytes"], &report["images"]["root"]["raw"]["length"]]
        .map(|size| size.as_u64().unwrap());
    assert!(least <= real && real - least < 200_000, "{least} {real}");
}

#[test]
fn os_release_can_be_checked_instead_of_set() {
    let world = World::new();
    world.spec("os_release = 'check'");
    let said = world.fails(4, &build("rootfs.tar", "out"));
    assert!(said.contains("os-release says VARIANT_ID=, and test is being built"), "{said}");
    let mut entries = usual();
    entries.push(Entry::file("./usr/lib/os-release", "VARIANT_ID=test\nVERSION_ID='1.0.0'\n"));
    world.tar("right.tar", &entries);
    world.build("right.tar", "out");
}

#[test]
fn names_that_stand_for_several_files_are_refused() {
    let world = World::new();
    let mut entries = usual();
    entries.push(Entry::file("./boot/vmlinuz-6.2", "x"));
    world.tar("two.tar", &entries);
    let said = world.fails(2, &build("two.tar", "out"));
    assert!(said.contains("/boot/vmlinuz-6.1.0-test, /boot/vmlinuz-6.2"), "{said}");
}

#[test]
fn a_kernel_that_firmware_cannot_start_is_refused() {
    let world = World::new();
    let mut entries = usual();
    entries.push(Entry::file("./boot/vmlinuz-6.1.0-test", "\x1f\u{8b} gzip"));
    world.tar("gzip.tar", &entries);
    let said = world.fails(1, &build("gzip.tar", "out"));
    assert!(said.contains("the kernel cannot be started by UEFI"), "{said}");
    world.spec("stub = 'host:image.toml'");
    assert!(world.fails(1, &build("rootfs.tar", "out")).contains("the stub cannot be used"));
    let spec = fs::read_to_string(world.path("image.toml")).unwrap();
    let spec = spec
        .replace("x86_64", "aarch64")
        .replace("host:image.toml", &format!("host:{}", world::STUB));
    fs::write(world.path("image.toml"), spec).unwrap();
    assert!(world.fails(1, &build("rootfs.tar", "out")).contains("not for aarch64"));
}

#[test]
fn wrong_usage_has_its_own_code() {
    let world = World::new();
    world.spec("colour = 'red'");
    let said = world.fails(2, &build("rootfs.tar", "out"));
    assert!(said.contains("colour"), "{said}");
    world.spec("");
    world.fails(2, &build("image.toml", "out"));
    world.fails(1, &build("missing.tar", "out"));
    let mut arguments = build("rootfs.tar", "out");
    arguments[7] = "1.0";
    assert_eq!(world.run(&arguments).status.code(), Some(2), "1.0 is no semantic version");
}
