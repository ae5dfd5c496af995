//! What is no disk, or one that lacks something; what others read and write; the command line.

use super::*;

#[test]
fn a_missing_device_is_an_error_and_nothing_is_created() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("vda");
    for command in ["status", "rewrite-table", "mark-successful-boot"] {
        on(&missing, &["--active", "A", command])
            .fails(1, &["cannot open", "vda", "nothing was created"]);
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn what_is_no_disk_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    on(dir.path(), &["status"]).fails(4, &["is a directory"]);
    on(Path::new("/dev/null"), &["--active", "A", "mark-successful-boot"])
        .fails(4, &["is a character device"]);
    let socket = dir.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    on(&socket, &["status"]).fails(4, &["is a pipe or a socket"]);
    let empty = dir.path().join("empty");
    fs::write(&empty, b"").unwrap();
    on(&empty, &["--active", "A", "mark-successful-boot"])
        .fails(4, &["empty", "cannot hold a partition table"]);
    assert_eq!(fs::read(&empty).unwrap(), b"");
    let text = dir.path().join("text");
    fs::write(&text, "x".repeat(100_000)).unwrap();
    on(&text, &["--active", "A", "rewrite-table"])
        .fails(4, &["there is no table header in block 1"]);
    assert_eq!(fs::read(&text).unwrap().len(), 100_000);
}

#[test]
fn a_second_writer_is_told_to_try_again() {
    on_both(|image| {
        let _first = signpost::Disk::open(&image.path, signpost::Access::Write).unwrap();
        let before = image.bytes();
        let run = on(&image.path, &["--active", "A", "mark-successful-boot"]);
        run.fails(75, &["disk.img is in use", "try again"]);
        on(&image.path, &["rewrite-table"]).fails(75, &["disk.img is in use"]);
        on(&image.path, &["status"]).done();
        assert!(before == image.bytes());
    });
}

#[test]
fn three_boot_partitions_are_refused() {
    if !sgdisk_is_there() {
        return;
    }
    let mut parts = PARTS.to_vec();
    parts[13] = (PARTS[2].0, 1, "third");
    let image = Image::with(&parts, &[]);
    let before = image.bytes();
    for command in ["status", "mark-successful-boot", "has-boot-ever-succeeded"] {
        on(&image.path, &["--active", "A", command]).fails(4, &["3 boot partitions"]);
    }
    assert!(before == image.bytes());
    on(&image.path, &["rewrite-table"]).done();
}

#[test]
fn without_a_private_partition_only_what_needs_it_is_refused() {
    if !sgdisk_is_there() {
        return;
    }
    let mut parts = PARTS.to_vec();
    parts[11] = PARTS[13];
    let image = Image::with(&parts, &[(BOOT_A, 48), (BOOT_A, 56)]);
    let before = image.bytes();
    for args in [
        &["mark-successful-boot"][..],
        &["has-boot-ever-succeeded"],
        &["mark-successful-boot", "--dry-run"],
    ] {
        on(&image.path, &[&["--active", "A"], args].concat()).fails(4, &["no private partition"]);
    }
    assert!(before == image.bytes());
    on(&image.path, &["--active", "A", "mark-inactive-valid"]).done();
    assert!(on(&image.path, &["status"]).done().contains("there is no private partition"));
}

#[test]
fn a_set_that_lacks_a_part_is_named() {
    if !sgdisk_is_there() {
        return;
    }
    let mut parts = PARTS.to_vec();
    parts[9] = PARTS[13];
    let image = Image::with(&parts, &[]);
    on(&image.path, &["status"]).fails(4, &["set B has no hash partition"]);
}

#[test]
fn a_disk_of_one_set_works_as_far_as_it_goes() {
    if !sgdisk_is_there() {
        return;
    }
    let mut parts = PARTS[..6].to_vec();
    parts.push(PARTS[11]);
    let image = Image::with(&parts, &[(BOOT_A, 48)]);
    on(&image.path, &["--active", "A", "mark-successful-boot"]).done();
    assert_eq!(image.attributes(BOOT_A), 1 << 48 | 3 << 52 | 1 << 56);
    on(&image.path, &["--active", "A", "clear-inactive"]).fails(4, &["no set but A"]);
    on(&image.path, &["--active", "B", "mark-successful-boot"])
        .fails(4, &["set B", "not on the disk"]);
    let text = on(&image.path, &["status"]).done();
    assert!(text.contains("it is successful with 3 tries left and is the only set"), "{text}");
}

#[test]
fn what_sgdisk_set_is_what_status_shows() {
    if !sgdisk_is_there() {
        return;
    }
    let image = Image::with(
        &PARTS,
        &[(BOOT_A, 51), (BOOT_A, 52), (BOOT_B, 49), (BOOT_B, 56), (BOOT_B, 55), (PRIVATE, 57)],
    );
    assert_eq!(bits(&image.path), [(8, 1, false), (2, 8, true)]);
    assert_eq!(on(&image.path, &["has-boot-ever-succeeded"]).done(), "true\n");
}

#[test]
fn the_release_of_a_set_is_shown_where_its_kernel_image_says_it() {
    use std::os::unix::fs::FileExt;
    on_both(|image| {
        let disk = image.path.as_path();
        let boot = on(disk, &["status", "--json"]).json()["sets"][1]["parts"][1]["start"]
            .as_u64()
            .unwrap();
        let file = fs::File::options().write(true).open(disk).unwrap();
        file.write_all_at(&kernel_image(b"VERSION_ID=1.2.0\nVARIANT_ID=\"demo\"\n"), boot).unwrap();
        let status = on(disk, &["status", "--json"]).json();
        assert_eq!(status["sets"][0]["release"], Value::Null);
        assert_eq!(status["sets"][1]["release"]["version"], "1.2.0");
        let text = on(disk, &["status"]).done();
        assert!(
            text.contains("release        unknown                       1.2.0 (demo)"),
            "{text}"
        );
    });
}

/// A unified kernel image of nothing but os-release.
fn kernel_image(text: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 1024];
    bytes[..2].copy_from_slice(b"MZ");
    bytes[0x3C] = 0x40;
    bytes[0x40..0x44].copy_from_slice(b"PE\0\0");
    bytes[0x46] = 1;
    bytes[0x58..0x5F].copy_from_slice(b".osrel\0");
    let length = u32::try_from(text.len()).unwrap().to_le_bytes();
    bytes[0x60..0x64].copy_from_slice(&length);
    bytes[0x68..0x6C].copy_from_slice(&length);
    bytes[0x6C..0x70].copy_from_slice(&512_u32.to_le_bytes());
    bytes[512..512 + text.len()].copy_from_slice(text);
    bytes
}

#[test]
fn help_and_wrong_usage_have_their_codes() {
    let call = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_signpost")).args(args).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, text) = call(&["--help"]);
    assert_eq!(code, 0);
    for name in
        ["status", "mark-successful-boot", "rewrite-table", "has-boot-ever-succeeded", "--dry-run"]
    {
        assert!(text.contains(name), "{name}");
    }
    assert_eq!(call(&[]).0, 2);
    assert_eq!(call(&["frobnicate"]).0, 2);
}
