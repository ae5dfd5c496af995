//! Records as the journal reads them, and what the catalogue says of each.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use chrono::DateTime;
use gptprio::SetId;
use semver::Version;

use super::*;

const CATALOG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../dist/journal/updog.catalog");

/// One event of every topic, with reasons that are given.
fn every(reason: &str) -> Vec<Event> {
    let reason = reason.to_owned();
    let (from, version) = (Version::new(1, 0, 0), Version::new(1, 1, 0));
    let (set, hook) = (SetId::B, "/etc/updog/restart.d/10-jobs".to_owned());
    let until = Some(DateTime::UNIX_EPOCH);
    let topic = |topic: &Topic| {
        let (from, version) = (from.clone(), version.clone());
        let (reason, hook) = (reason.clone(), hook.clone());
        match topic {
            Topic::CheckSucceeded => Event::CheckSucceeded { version },
            Topic::CheckFailed => Event::CheckFailed { reason, failures: 3 },
            Topic::UpdateAvailable => Event::UpdateAvailable { from, version },
            Topic::UpdateStaged => Event::UpdateStaged { from, version, set },
            Topic::FetchFailed => Event::FetchFailed { version, reason },
            Topic::UpdateReady => Event::UpdateReady { from, version, set },
            Topic::UpdateWithdrawn => Event::UpdateWithdrawn { version, set },
            Topic::RestartWaits => Event::RestartWaits { version, reason, until },
            Topic::HookDelays => Event::HookDelays { version, hook, reason },
            Topic::HookOverruled => Event::HookOverruled { version, hook },
            Topic::Restarting => Event::Restarting { from, version, set },
            Topic::RestartFailed => Event::RestartFailed { version, reason },
            Topic::BootGood => Event::BootGood { from: Some(from), version, set },
            Topic::BootBad => Event::BootBad { version, set, reason },
            Topic::WentBack => Event::WentBack { version, set, to: from, reason },
            Topic::Held => Event::Held { reason, until },
            Topic::Resumed => Event::Resumed,
            Topic::ConfigurationRefused => Event::ConfigurationRefused { reason },
        }
    };
    Topic::ALL.iter().map(topic).collect()
}

/// Reads a datagram as the protocol's description says.
fn read(mut bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut fields = BTreeMap::new();
    while !bytes.is_empty() {
        let end = bytes.iter().position(|byte| matches!(byte, b'=' | b'\n')).unwrap();
        let (name, rest) = bytes.split_at(end);
        let (value, rest) = if rest.starts_with(b"=") {
            let end = rest.iter().position(|byte| *byte == b'\n').unwrap();
            (&rest[1..end], &rest[end..])
        } else {
            let (length, rest) = rest[1..].split_first_chunk::<8>().unwrap();
            rest.split_at(usize::try_from(u64::from_le_bytes(*length)).unwrap())
        };
        bytes = rest.strip_prefix(b"\n").unwrap();
        let name = String::from_utf8(name.to_vec()).unwrap();
        assert_eq!(fields.insert(name, value.to_vec()), None);
    }
    fields
}

/// What the journal gets when events are told, and what else is written.
fn told(events: &[Event]) -> (Vec<BTreeMap<String, Vec<u8>>>, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let socket = UnixDatagram::bind(&path).unwrap();
    let (journal, mut otherwise) = (Journal::at(&path), Vec::new());
    let mut one = |event: &Event| {
        let mut bytes = vec![0; 1 << 18];
        journal.tell_or_write(event, &mut otherwise);
        let length = socket.recv(&mut bytes).unwrap();
        read(&bytes[..length])
    };
    let records = events.iter().map(&mut one).collect();
    (records, String::from_utf8(otherwise).unwrap())
}

#[test]
fn every_event_has_its_topic_its_words_and_its_fields() {
    let events = every("no route to host");
    let (records, otherwise) = told(&events);
    assert_eq!(otherwise, "");
    for ((topic, event), record) in Topic::ALL.iter().zip(&events).zip(&records) {
        assert_eq!(event.topic(), *topic);
        assert_eq!(record["MESSAGE"], event.to_string().as_bytes());
        assert_eq!(record["MESSAGE_ID"], topic.id().as_bytes());
        assert_eq!(record["PRIORITY"], topic.priority().level().to_string().as_bytes());
        assert_eq!(record["SYSLOG_IDENTIFIER"], b"updog");
        for (name, value) in event.fields() {
            assert!(name.starts_with("UPDOG_") && record[name] == value.as_bytes(), "{name}");
        }
        assert_eq!(record.len(), 4 + event.fields().len());
    }
}

#[test]
fn an_update_can_be_followed_by_its_fields() {
    let [from, version] = [Version::new(1, 0, 0), Version::new(1, 1, 0)];
    let event = Event::Restarting { from, version, set: SetId::B };
    let expected = [
        ("UPDOG_VERSION", "1.1.0"),
        ("UPDOG_FROM", "1.0.0"),
        ("UPDOG_SET", "B"),
        ("UPDOG_STATE", "restarting"),
    ];
    assert_eq!(event.fields(), expected.map(|(name, value)| (name, value.to_owned())));
    let held = Event::Held { reason: "pause".to_owned(), until: Some(DateTime::UNIX_EPOCH) };
    assert!(held.fields().contains(&("UPDOG_UNTIL", "1970-01-01T00:00:00Z".to_owned())));
    assert_eq!(held.to_string(), "updates are held: pause, until 1970-01-01 00:00 UTC");
}

#[test]
fn what_others_say_begins_no_field_and_no_line() {
    let hostile = "no\nPRIORITY=0\nMESSAGE_ID=\n<0>all\x1b[2J is lost";
    let events = every(hostile);
    let (records, _) = told(&events);
    for (event, record) in events.iter().zip(records) {
        assert_eq!(record["PRIORITY"], event.topic().priority().level().to_string().as_bytes());
        assert_eq!(record.len(), 4 + event.fields().len());
        let mut otherwise = Vec::new();
        Journal::at(Path::new("/nowhere/socket")).tell_or_write(event, &mut otherwise);
        let text = String::from_utf8(otherwise).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.starts_with('<') && !text.contains('\x1b'), "{text}");
    }
}

#[test]
fn an_endless_reason_is_cut_and_still_sent() {
    let (records, otherwise) = told(&every(&"\u{e4}\n".repeat(1 << 20)));
    assert_eq!(otherwise, "");
    assert_eq!(records.len(), Topic::ALL.len());
}

#[test]
fn without_a_journal_it_is_a_line_with_its_priority() {
    let mut otherwise = Vec::new();
    let event = Event::CheckFailed { reason: "no route to host".to_owned(), failures: 2 };
    Journal::at(Path::new("/nowhere/socket")).tell_or_write(&event, &mut otherwise);
    let text = String::from_utf8(otherwise).unwrap();
    assert_eq!(text, "<4>cannot look for updates (2 times now): no route to host\n");
}

#[test]
fn a_journal_may_come_later() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let (journal, mut otherwise) = (Journal::at(&path), Vec::new());
    journal.tell_or_write(&Event::Resumed, &mut otherwise);
    let socket = UnixDatagram::bind(&path).unwrap();
    journal.tell_or_write(&Event::Resumed, &mut otherwise);
    assert!(socket.recv(&mut [0; 4096]).unwrap() > 0);
    assert_eq!(otherwise, b"<5>updates go on\n");
}

#[test]
fn the_catalogue_explains_every_id_once_and_no_other() {
    let text = fs::read_to_string(CATALOG).unwrap();
    let ids = text.lines().filter_map(|line| line.strip_prefix("-- "));
    let mut found: Vec<&str> = ids.collect();
    let mut wanted: Vec<&str> = Topic::ALL.iter().map(|topic| topic.id()).collect();
    found.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(found, wanted);
    for entry in text.split("\n-- ").skip(1) {
        let head: Vec<&str> = entry.lines().skip(1).take(3).collect();
        for (line, name) in head.iter().zip(["Subject: ", "Defined-By: ", "Documentation: "]) {
            assert!(line.strip_prefix(name).is_some_and(|rest| !rest.is_empty()), "{entry}");
        }
    }
}

/// Every field that an entry puts into its text is one that such a record has.
#[test]
fn the_catalogue_names_fields_that_are_there() {
    let text = fs::read_to_string(CATALOG).unwrap();
    for event in every("reason") {
        let id = event.topic().id();
        let entry = text.split("\n-- ").find(|entry| entry.starts_with(id)).unwrap();
        let names = event.fields();
        for word in entry.split('@').skip(1).step_by(2) {
            assert!(names.iter().any(|(name, _)| *name == word), "{word} in {entry}");
        }
    }
}

#[test]
fn the_documentation_lists_every_id() {
    let text = include_str!("../../../../docs/formats.md");
    for topic in Topic::ALL {
        assert!(text.contains(&format!("| `{}` |", topic.id())), "{topic:?}");
    }
}

#[test]
fn systemd_takes_the_catalogue() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("usr/lib/systemd/catalog");
    fs::create_dir_all(&folder).unwrap();
    fs::create_dir_all(root.path().join("var/lib/systemd/catalog")).unwrap();
    fs::copy(CATALOG, folder.join("updog.catalog")).unwrap();
    let option = format!("--root={}", root.path().display());
    let journalctl = |argument: &str| {
        let mut command = Command::new("journalctl");
        let output = command.args([&option, argument]).env("LC_ALL", "C.UTF-8").output();
        let output = output.expect("Debian's package systemd is there");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.is_empty(), "{said}");
        String::from_utf8(output.stdout).unwrap()
    };
    journalctl("--update-catalog");
    let listed = journalctl("--list-catalog");
    assert_eq!(listed.lines().count(), Topic::ALL.len(), "{listed}");
    for topic in Topic::ALL {
        assert!(listed.contains(topic.id()), "{topic:?} is missing in\n{listed}");
    }
}
