//! What each command does, says and refuses.

use super::*;

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
