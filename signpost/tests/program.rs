//! The program as a user calls it.

#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{BOOT_A, BOOT_B, Image, LENGTH, PARTS, PRIVATE, assert_verifies, sgdisk_is_there};
use serde_json::Value;

/// What a call of the program came to.
struct Run {
    code: i32,
    out: String,
    err: String,
}

/// Calls signpost on a disk.
fn on(disk: &Path, args: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signpost"));
    let output = command.arg("--disk").arg(disk).args(args).output().expect("signpost runs");
    Run {
        code: output.status.code().expect("signpost ends by itself"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Run {
    /// Asserts success and gives the standard output.
    #[track_caller]
    fn done(self) -> String {
        assert_eq!(self.code, 0, "{}", self.err);
        self.out
    }

    #[track_caller]
    fn json(self) -> Value {
        serde_json::from_str(&self.done()).unwrap()
    }

    /// Asserts an end with this code, nothing on standard output, and these words in the error.
    #[track_caller]
    fn fails(&self, code: i32, words: &[&str]) {
        assert_eq!((self.code, self.out.as_str()), (code, ""), "{}", self.err);
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in: {}", self.err);
        }
    }
}

/// Priority, tries, successful of both sets, as status shows them.
fn bits(disk: &Path) -> [(u64, u64, bool); 2] {
    let status = on(disk, &["status", "--json"]).json();
    [0, 1].map(|set| {
        let set = &status["sets"][set];
        let number = |field: &str| set[field].as_u64().unwrap();
        (number("priority"), number("tries"), set["successful"].as_bool().unwrap())
    })
}

/// Runs a test on disks with blocks of 512 bytes, made by sgdisk, and of 4096, made by us.
fn on_both(test: impl Fn(&Image)) {
    test(&Image::large_blocks());
    if sgdisk_is_there() {
        let image = Image::factory();
        test(&image);
        assert_verifies(&image.path);
    }
}

#[test]
fn an_update_and_a_rollback() {
    on_both(|image| {
        let disk = image.path.as_path();
        assert_eq!(bits(disk), [(1, 0, true), (0, 0, false)]);
        on(disk, &["--active", "A", "clear-inactive"]).done();
        on(disk, &["--active", "A", "mark-inactive-valid"]).done();
        assert_eq!(bits(disk), [(1, 0, true), (0, 1, false)]);
        on(disk, &["--active", "A", "upgrade-to-inactive"]).done();
        assert_eq!(bits(disk), [(1, 0, true), (2, 1, false)]);
        assert_eq!(on(disk, &["has-boot-ever-succeeded"]).done(), "false\n");
        on(disk, &["--active", "B", "mark-successful-boot"]).done();
        assert_eq!(on(disk, &["has-boot-ever-succeeded"]).done(), "true\n");
        assert_eq!(on(disk, &["has-boot-ever-succeeded", "--json"]).json(), Value::Bool(true));
        on(disk, &["--active", "B", "rollback-to-inactive"]).done();
        assert_eq!(bits(disk), [(2, 0, true), (1, 3, true)]);
        on(disk, &["--active", "B", "cancel-upgrade"]).done();
        assert_eq!(bits(disk), [(0, 0, true), (2, 3, true)]);
    });
}

#[test]
fn status_reads_at_a_glance() {
    on_both(|image| {
        let text = on(&image.path, &["status", "--active", "A"]).done();
        for line in [
            "running        set A",
            "boots next     set A: it is successful and B cannot boot (its priority is 0)",
            "ever succeeded no",
            "table          both copies are good",
            "               set A, runs, boots next       set B",
            "bootable       yes                           no: priority 0",
            "root           #4   8.0 MiB                  #9   8.0 MiB",
            "private        #12  2.0 MiB",
        ] {
            assert!(text.lines().any(|found| found == line), "{line:?} is not in:\n{text}");
        }
        let unknown = on(&image.path, &["status"]).done();
        assert!(unknown.contains("running        unknown (say it with --active)"), "{unknown}");
    });
}

#[test]
fn status_as_json_has_the_documented_fields() {
    on_both(|image| {
        let status = on(&image.path, &["status", "--json", "--active", "B"]).json();
        let fields: Vec<_> = status.as_object().unwrap().keys().map(String::as_str).collect();
        let expected = [
            "block_size",
            "data",
            "disk",
            "ever_succeeded",
            "length",
            "next",
            "private",
            "running",
            "sets",
            "table",
        ];
        assert_eq!(fields, expected);
        assert_eq!(status["length"], LENGTH);
        assert_eq!(status["running"], "B");
        assert_eq!(status["next"]["set"], "A");
        assert_eq!(status["table"]["whole"], true);
        let root = &status["sets"][1]["parts"][2];
        assert_eq!((&root["name"], &root["index"]), (&Value::from("root"), &Value::from(9)));
        assert_eq!(root["length"], 8 << 20);
        assert_eq!(status["sets"][0]["release"], Value::Null);
    });
}

#[test]
fn what_is_so_already_is_done_without_a_write() {
    on_both(|image| {
        let disk = image.path.as_path();
        on(disk, &["--active", "A", "mark-successful-boot"]).done();
        let stamp = || fs::metadata(disk).unwrap().modified().unwrap();
        let before = (image.bytes(), stamp());
        let report = on(disk, &["--active", "A", "mark-successful-boot", "--json"]).json();
        assert_eq!(
            (&report["changed"], &report["written"]),
            (&Value::Bool(false), &Value::Bool(false))
        );
        let text = on(disk, &["--active", "A", "mark-successful-boot"]).done();
        assert!(text.starts_with("it was so already"), "{text}");
        assert!(before == (image.bytes(), stamp()));
    });
}

#[test]
fn marking_a_boot_successful_gives_tries_unless_told_otherwise() {
    on_both(|image| {
        let disk = image.path.as_path();
        let mark = |more: &[&str]| {
            let line = ["--active", "A", "--json", "mark-successful-boot"];
            let report = on(disk, &[&line[..], more].concat()).json();
            (report["after"]["sets"]["a"]["tries"].clone(), report["changed"].clone())
        };
        assert_eq!(mark(&[]), (3.into(), true.into()));
        assert_eq!(mark(&["--tries", "1"]), (1.into(), true.into()));
        assert_eq!(mark(&["--tries", "0"]), (0.into(), true.into()), "as on Bottlerocket");
        assert_eq!(mark(&["--tries", "0"]), (0.into(), false.into()));
    });
}

#[test]
fn a_dry_run_says_the_same_and_changes_nothing() {
    on_both(|image| {
        let disk = image.path.as_path();
        for command in ["mark-inactive-valid", "cancel-upgrade", "mark-successful-boot"] {
            let before = image.bytes();
            let dry = on(disk, &["--active", "A", "--dry-run", "--json", command]).json();
            assert!(before == image.bytes(), "{command}");
            let wet = on(disk, &["--active", "A", "--json", command]).json();
            assert_eq!(dry["after"], wet["after"], "{command}");
            assert_eq!(
                (&dry["changed"], &wet["changed"]),
                (&Value::Bool(true), &Value::Bool(true))
            );
            assert_eq!(
                (&dry["written"], &wet["written"]),
                (&Value::Bool(false), &Value::Bool(true))
            );
        }
        let before = image.bytes();
        on(disk, &["--active", "A", "--dry-run", "rollback-to-inactive"])
            .fails(4, &["set B cannot boot"]);
        on(disk, &["--dry-run", "rewrite-table"]).done();
        assert!(before == image.bytes());
    });
}

#[test]
fn the_rules_say_no_with_their_reason_and_nothing_changes() {
    on_both(|image| {
        let disk = image.path.as_path();
        let before = image.bytes();
        let refused = |active, command, words: &[&str]| {
            on(disk, &["--active", active, command]).fails(4, words);
        };
        refused(
            "A",
            "upgrade-to-inactive",
            &["upgrade-to-inactive is refused", "set B is not marked valid", "next:"],
        );
        refused("A", "rollback-to-inactive", &["set B cannot boot: its priority is 0"]);
        refused(
            "B",
            "clear-inactive",
            &["set A is the only one that can boot", "mark-successful-boot"],
        );
        assert!(before == image.bytes());
    });
}

#[test]
fn a_command_about_the_running_set_asks_which_one_that_is() {
    on_both(|image| {
        on(&image.path, &["clear-inactive"]).fails(2, &["not known", "--active"]);
        on(&image.path, &["--active", "C", "status"]).fails(2, &["A or B"]);
        on(&image.path, &["--active", "A", "mark-inactive-valid", "--tries", "0"])
            .fails(2, &["1 to 15"]);
    });
}

/// The size of a disk's blocks, as status tells it.
fn block_size(disk: &Path) -> u64 {
    on(disk, &["status", "--json"]).json()["block_size"].as_u64().unwrap()
}

/// Where each copy can be damaged: its name, and the place of its header and of its entries.
fn damages(block: u64) -> [(&'static str, u64); 4] {
    let entries = 16_384;
    [
        ("primary", block + 20),
        ("primary", 2 * block + 40),
        ("backup", LENGTH - block + 20),
        ("backup", LENGTH - block - entries + 40),
    ]
}

#[test]
fn with_one_bad_copy_reading_warns_and_writing_repairs() {
    on_both(|image| {
        let disk = image.path.as_path();
        let block = block_size(disk);
        for (side, place) in damages(block) {
            image.damage(place);
            let damaged = image.bytes();
            let status = on(disk, &["status"]);
            assert!(status.err.contains(&format!("warning: the {side} copy")), "{}", status.err);
            assert!(status.done().contains("signpost rewrite-table repairs it"));
            let ever = on(disk, &["has-boot-ever-succeeded"]);
            assert!(ever.err.contains("warning"));
            assert!(damaged == image.bytes(), "reading repairs nothing");

            let report = on(disk, &["--active", "A", "mark-inactive-valid", "--json"]).json();
            assert_eq!(report["repaired"][0]["copy"], side);
            assert_eq!(on(disk, &["status", "--json"]).json()["table"]["whole"], true);
        }
    });
}

#[test]
fn a_command_with_no_bit_to_change_repairs_as_well() {
    on_both(|image| {
        let disk = image.path.as_path();
        on(disk, &["--active", "A", "mark-successful-boot"]).done();
        let whole = image.bytes();
        let block = block_size(disk);
        image.damage(LENGTH - block + 20);
        let report = on(disk, &["--active", "A", "mark-successful-boot", "--json"]).json();
        assert_eq!(
            (&report["changed"], &report["written"]),
            (&Value::Bool(false), &Value::Bool(true))
        );
        assert!(whole == image.bytes());
    });
}

#[test]
fn rewriting_the_table_gives_back_the_bytes_of_a_whole_disk() {
    on_both(|image| {
        let disk = image.path.as_path();
        let whole = image.bytes();
        let block = block_size(disk);
        for (side, place) in damages(block) {
            image.damage(place);
            let run = on(disk, &["rewrite-table"]);
            assert!(run.err.contains(&format!("repaired the {side} copy")), "{}", run.err);
            run.done();
            assert!(whole == image.bytes(), "{side}, {place}");
        }
    });
}

#[test]
fn with_both_copies_bad_each_is_told_and_nothing_is_written() {
    on_both(|image| {
        let disk = image.path.as_path();
        let block = block_size(disk);
        let [(_, header), _, _, (_, entries)] = damages(block);
        image.damage(header);
        image.damage(entries);
        let before = image.bytes();
        let words = [
            "primary copy the header's checksum",
            "backup copy the checksum of the entries",
            "nothing was changed",
        ];
        for command in
            ["status", "rewrite-table", "mark-successful-boot", "has-boot-ever-succeeded"]
        {
            on(disk, &["--active", "A", command]).fails(4, &words);
        }
        assert!(before == image.bytes());
        image.damage(header); // the same again undoes it
        on(disk, &["rewrite-table"]).done();
    });
}

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
