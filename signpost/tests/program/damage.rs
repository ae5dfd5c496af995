//! Copies of the table that are damaged.

use super::*;

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
