//! What Prometheus would read. That the real one does is shown by `cargo xtask metrics`.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use gptprio::{BootBits, Priority, SetId, Tries};
use proptest::prelude::*;
use semver::Version;

use super::*;

fn time(seconds: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(seconds, 0)
}

/// A host of which everything is known.
fn whole() -> Snapshot {
    let bits =
        BootBits { priority: Priority::TWO, tries: Tries::ONE, successful: false, spent: false };
    let set = |set, version: &str, bits| SetFacts { set, version: Some(version.to_owned()), bits };
    let good = BootBits { priority: Priority::ONE, successful: true, ..BootBits::CLEAR };
    Snapshot {
        version: Some(Version::new(1, 0, 0)),
        variant: Some("demo".to_owned()),
        set: Some(SetId::A),
        next: Some(SetId::B),
        state: Some(StateName::Ready),
        state_since: time(1_700_000_000),
        pinned: Some(Version::new(1, 1, 0)),
        hold_until: time(1_700_000_900),
        sets: vec![set(SetId::A, "1.0.0", good), set(SetId::B, "1.1.0", bits)],
        check: Some(Check {
            last: time(1_700_000_100),
            succeeded: Some(false),
            last_success: time(1_699_990_000),
            failures: Some(2),
            next: time(1_700_003_700),
        }),
        restart: Some(Restart {
            waiting: true,
            since: time(1_700_000_000),
            held_by: vec!["window".to_owned(), "users".to_owned(), "window".to_owned()],
        }),
        attempts: Some(Attempts { waiting: 1, good: 3, failed: 1, ..Attempts::default() }),
        failed_versions: Some(vec![Version::new(0, 9, 0)]),
        metadata_expires: vec![("timestamp".to_owned(), time(1_700_600_000).unwrap())],
        unreadable: vec![Source::Agent],
    }
}

#[test]
fn a_host_of_which_everything_is_known() {
    assert_eq!(render(&whole()), include_str!("tests/whole.prom"));
}

#[test]
fn the_documentation_lists_every_metric() {
    let text = include_str!("../../../../docs/formats.md");
    for line in render(&whole()).lines().filter(|line| line.starts_with("# TYPE ")) {
        let name = line.split(' ').nth(2).unwrap();
        assert!(text.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn what_is_unknown_is_left_out_and_not_zero() {
    let text = render(&Snapshot::default());
    let families: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    assert_eq!(families, ["updog_unreadable gauge"], "{text}");
    let idle = Snapshot { failed_versions: Some(Vec::new()), ..Snapshot::default() };
    assert!(render(&idle).contains("\nupdog_failed_versions 0\n"));
    assert!(!render(&idle).contains("updog_failed_version_info"));
}

#[test]
fn a_disk_from_which_nothing_boots_says_so_of_both_sets() {
    let text = render(&Snapshot { next: None, ..whole() });
    assert!(text.contains("updog_set_next{set=\"A\"} 0\nupdog_set_next{set=\"B\"} 0\n"), "{text}");
}

/// Names of labels with their values.
type Labels = Vec<(String, String)>;

/// A sample as a reader of the format takes it apart.
fn read(line: &str) -> Option<(String, Labels, i64)> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, value) = rest.strip_prefix(',').unwrap_or(rest).split_once("=\"")?;
            let (value, after) = unescaped(value)?;
            labels.push((label.to_owned(), value));
            rest = after;
        }
        rest = rest.strip_prefix('}')?;
    }
    Some((name.to_owned(), labels, rest.strip_prefix(' ')?.parse().ok()?))
}

/// The text up to a quote that nothing escapes, and what follows.
fn unescaped(text: &str) -> Option<(String, &str)> {
    let (mut value, mut chars) = (String::new(), text.char_indices());
    while let Some((place, char)) = chars.next() {
        match char {
            '"' => return Some((value, &text[place + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                same @ ('\\' | '"') => same,
                _ => return None,
            }),
            char => value.push(char),
        }
    }
    None
}

proptest! {
    #[test]
    fn whatever_stands_in_a_label_comes_out_of_it_again(
        texts in prop::collection::vec("(?s).{0,12}|[\"\\\\\n{},= ]{1,8}", 3),
    ) {
        let [variant, version, reason] = texts.try_into().unwrap();
        let mut snapshot = whole();
        snapshot.variant = Some(variant.clone());
        snapshot.sets[1].version = Some(version.clone());
        snapshot.restart = Some(Restart { held_by: vec![reason.clone(), reason.clone()], ..Restart::default() });
        let mut seen = BTreeSet::new();
        let text = render(&snapshot);
        for line in text.split('\n').filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let (name, labels, _) = read(line).unwrap();
            prop_assert!(seen.insert((name, labels)), "{line} stands twice");
        }
        let has = |name: &str, label: &str, value: &str| seen.iter().any(|(one, labels)| {
            one == name && labels.contains(&(label.to_owned(), value.to_owned()))
        });
        prop_assert!(has("updog_info", "variant", &variant));
        prop_assert!(has("updog_set_info", "version", &version));
        prop_assert!(has("updog_restart_held_by", "reason", &reason));
    }
}

#[test]
fn the_file_is_replaced_whole_and_anybody_may_read_it() {
    let folder = tempfile::tempdir().unwrap();
    for text in ["updog_info 1\n", "updog_info 2\n"] {
        assert!(write_textfile(folder.path(), text).unwrap());
        let path = folder.path().join(NAME);
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o644);
    }
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "{names:?}");
}

#[test]
fn without_node_exporter_there_is_no_file_and_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("node_exporter");
    assert!(!write_textfile(&missing, "").unwrap());
    assert!(!missing.exists());
}

#[test]
fn a_file_that_is_in_the_way_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join(NAME).join("x")).unwrap();
    assert!(write_textfile(folder.path(), "").is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
