//! The model by itself: what a crash may leave of small recordings, and which rules they break.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use nix::errno::Errno;

use super::choice::{Choice, InFiles, OnDisk};
use super::event::{Event, Kind, Naming, Node};
use super::fault::{Fault, Plan, Site};
use super::moment::{Moment, State};
use super::record::{Recording, record};
use super::trace::{Ending, Program};
use super::{Deed, rules};

const TOP: Node = Node(0);
const DISK: Node = Node(1);
const OLD: Node = Node(2);
const NEW: Node = Node(3);

/// A folder with a small disk and a file `name`, beside which another one is written.
fn recording(events: Vec<Event>) -> Recording {
    let file = |bytes: &[u8]| Kind::File(bytes.into());
    let top = Kind::Folder(vec![("disk.img".into(), DISK), ("name".into(), OLD)]);
    Recording {
        nodes: vec![top, file(&[0; 65536]), file(b"old"), file(b"")],
        top: TOP,
        disk: DISK,
        events,
        endings: vec![Ending::Exit(0)],
        calls: 0,
        sites: BTreeMap::new(),
    }
}

fn write(node: Node, offset: u64, data: &[u8]) -> Event {
    Event::Write { node, offset, data: data.into() }
}

fn flush(node: Node, covers: usize) -> Event {
    Event::Flush { node: Some(node), covers }
}

fn names(all: &[(&str, Option<Node>)]) -> Event {
    let naming =
        |(name, to): &(&str, Option<Node>)| Naming { folder: TOP, name: (*name).into(), to: *to };
    Event::Names(all.iter().map(naming).collect())
}

/// Every state that is tried after all events.
fn states(recording: &Recording) -> Vec<State> {
    let moment = Moment::new(recording, recording.len());
    moment.choices("test", 1, 200).iter().map(|choice| moment.state(choice)).collect()
}

/// What may lie in a sector after all events.
fn sector(recording: &Recording, sector: u64) -> BTreeSet<[u8; 512]> {
    states(recording).iter().map(|state| state.disk.sector(sector)).collect()
}

/// What a name may stand for after all events.
fn contents(recording: &Recording, name: &str) -> BTreeSet<Option<String>> {
    let text = |state: &State| {
        state.files.file(name).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    };
    states(recording).iter().map(text).collect()
}

fn texts(all: &[&str]) -> BTreeSet<Option<String>> {
    all.iter().map(|text| Some((*text).to_owned())).collect()
}

#[test]
fn what_was_flushed_is_on_the_disk_and_each_other_sector_may_be() {
    let [a, b, c] = [1, 2, 3].map(|byte| [byte; 512]);
    let written = recording(vec![
        write(DISK, 512, &a),
        flush(DISK, 1),
        write(DISK, 1024, &b),
        write(DISK, 1536, &c),
    ]);
    assert_eq!(sector(&written, 1), [a].into());
    let both: BTreeSet<_> = states(&written)
        .iter()
        .map(|state| (state.disk.sector(2) == b, state.disk.sector(3) == c))
        .collect();
    assert_eq!(both.len(), 4, "any of them without the other");
    let mut torn = [0; 512];
    torn[..8].copy_from_slice(&b[..8]);
    assert!(sector(&written, 2).contains(&torn), "torn behind its first eight bytes");
}

#[test]
fn a_flush_covers_what_was_before_it_began() {
    let late = recording(vec![write(DISK, 0, &[1; 512]), flush(DISK, 0)]);
    assert!(sector(&late, 0).contains(&[0; 512]));
}

#[test]
fn of_many_sectors_older_versions_survive_too() {
    let many = |byte: u8| write(DISK, 0, &[byte; 4096]);
    let twice = recording(vec![many(1), many(2)]);
    let seen = sector(&twice, 3);
    for byte in [0, 1, 2] {
        assert!(seen.contains(&[byte; 512]), "{byte}");
    }
}

#[test]
fn a_file_that_is_named_before_it_is_flushed_may_lose_its_bytes() {
    let made = names(&[("new", Some(NEW))]);
    let named = names(&[("name", Some(NEW)), ("new", None)]);
    let early = recording(vec![made.clone(), write(NEW, 0, b"newer"), named.clone()]);
    let seen = contents(&early, "name");
    assert!(seen.contains(&Some(String::new())), "{seen:?}");
    let right = recording(vec![made, write(NEW, 0, b"newer"), flush(NEW, 2), named]);
    assert_eq!(contents(&right, "name"), texts(&["old", "newer"]));
}

#[test]
fn a_name_is_certain_once_its_folder_is_flushed() {
    let mut events = vec![
        names(&[("new", Some(NEW))]),
        write(NEW, 0, b"newer"),
        flush(NEW, 2),
        names(&[("name", Some(NEW)), ("new", None)]),
    ];
    assert_eq!(contents(&recording(events.clone()), "name").len(), 2);
    events.push(flush(TOP, 4));
    assert_eq!(contents(&recording(events), "name"), texts(&["newer"]));
}

#[test]
fn a_journal_keeps_the_order_of_names_and_a_lazy_file_system_does_not() {
    let removed = recording(vec![names(&[("name", None)]), names(&[("more", Some(NEW))])]);
    let both: BTreeSet<_> = states(&removed)
        .iter()
        .map(|state| (state.files.has("name"), state.files.has("more")))
        .collect();
    assert!(both.contains(&(true, true)), "lazy: the second without the first");
    let moment = Moment::new(&removed, 2);
    let journal = moment.choices("test", 1, 0).into_iter().filter(|choice| {
        matches!(&choice.files, InFiles::Some { keeping: super::choice::Keeping::Journalling, .. })
    });
    for choice in journal {
        let files = moment.state(&choice).files;
        assert!(!(files.has("name") && files.has("more")), "{choice}");
    }
}

#[test]
fn choices_come_out_the_same_each_time() {
    let many = recording(vec![write(DISK, 0, &[1; 4096])]);
    let digests =
        || -> Vec<u64> { states(&many).iter().map(|state| state.disk.digest(0..8)).collect() };
    assert_eq!(digests(), digests());
    let all = Choice { disk: OnDisk::All, files: InFiles::All };
    assert_eq!(Moment::new(&many, 1).state(&all).disk.sector(7), [1; 512]);
}

/// Runs a shell script below a folder that has a disk.
fn shell(script: &str, plan: Option<Plan>) -> (tempfile::TempDir, Recording) {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk.img");
    fs::write(&disk, [7; 4096]).unwrap();
    let said = tempfile::NamedTempFile::new().unwrap();
    let program = Program {
        path: "/bin/sh".into(),
        arguments: ["-c", script, folder.path().to_str().unwrap()].map(String::from).into(),
        said: said.path().to_owned(),
        after: 0,
    };
    let recording = record(folder.path(), &disk, &[program], plan).unwrap();
    (folder, recording)
}

#[test]
fn what_a_program_does_is_put_down() {
    let (folder, seen) = shell(
        "cd $0 && mkdir d && echo one >d/a && echo two >>d/a && sync d/a && mv d/a d/b && ln -s b d/l",
        None,
    );
    assert_eq!(seen.endings, [Ending::Exit(0)]);
    let kinds: Vec<&str> = seen
        .events
        .iter()
        .map(|event| match event {
            Event::Write { .. } => "write",
            Event::Resize { .. } => "resize",
            Event::Names(_) => "names",
            Event::Flush { .. } => "flush",
        })
        .collect();
    assert_eq!(kinds, ["names", "names", "write", "write", "flush", "names", "names"]);
    let all = Choice { disk: OnDisk::All, files: InFiles::All };
    let state = Moment::new(&seen, seen.len()).state(&all);
    assert_eq!(state.files.file("d/b"), Some(&b"one\ntwo\n"[..]));
    assert_eq!(fs::read(folder.path().join("d/b")).unwrap(), b"one\ntwo\n");
    assert!(state.files.has("d/l") && !state.files.has("d/a"));
}

fn plan(deed: Deed, place: &str, fault: Fault) -> Option<Plan> {
    let site = Site { deed, place: place.to_owned() };
    Some(Plan { site, number: Some(1), fault })
}

#[test]
fn a_call_fails_as_it_is_planned() {
    let full = plan(Deed::Write, "a", Fault::Error(Errno::ENOSPC));
    let (folder, seen) = shell("echo one >$0/a && touch $0/b", full);
    assert!(matches!(seen.endings[..], [Ending::Exit(code)] if code != 0));
    assert_eq!(fs::read(folder.path().join("a")).unwrap(), b"");
    assert!(!folder.path().join("b").exists());
}

#[test]
fn a_write_is_lost_and_nobody_is_told() {
    let lost = plan(Deed::Write, "a", Fault::Lost);
    let (folder, seen) = shell("echo one >$0/a && touch $0/b", lost);
    assert_eq!(seen.endings, [Ending::Exit(0)]);
    assert_eq!(fs::read(folder.path().join("a")).unwrap(), b"");
    assert!(folder.path().join("b").exists());
}

#[test]
fn what_was_not_flushed_is_gone_after_a_failed_flush() {
    let script = "echo one >$0/a && sync $0/a && echo two >>$0/a && sync $0/a; cat $0/a >$0/b";
    let site = Site { deed: Deed::Flush, place: "a".to_owned() };
    let fails = Some(Plan { site, number: Some(2), fault: Fault::FlushFails });
    let (folder, _) = shell(script, fails);
    assert_eq!(fs::read(folder.path().join("b")).unwrap(), b"one\n");
}

#[test]
fn programs_are_killed_before_a_call() {
    let dead = plan(Deed::MakeFolder, "d", Fault::Kill);
    let (folder, seen) = shell("mkdir $0/d; touch $0/b", dead);
    assert!(!folder.path().join("d").exists(), "{:?}", seen.endings);
}

/// The rules that a recording breaks.
fn broken(events: Vec<Event>, is_done: bool) -> Vec<String> {
    let known = super::judge::Known {
        releases: Arc::new([]),
        layouts: BTreeMap::new(),
        shipped_root: Arc::new([]),
        floors: BTreeMap::new(),
        kept: false,
        settings: Vec::new(),
    };
    let recording = recording(events);
    let all = rules::breaches(&recording, &known, gptprio::SetId::A, is_done);
    all.iter().filter_map(|text| text.split_once(':')).map(|(rule, _)| rule.to_owned()).collect()
}

#[test]
fn a_name_given_too_early_breaks_a_rule() {
    let named = names(&[("name", Some(NEW)), ("new", None)]);
    let made = names(&[("new", Some(NEW))]);
    let early =
        vec![made.clone(), write(NEW, 0, b"n"), named.clone(), flush(NEW, 3), flush(TOP, 4)];
    assert_eq!(broken(early, true), ["named-last"]);
    let right = vec![made, write(NEW, 0, b"n"), flush(NEW, 2), named, flush(TOP, 4)];
    assert!(broken(right, true).is_empty());
}

#[test]
fn what_is_said_to_be_done_and_is_not_flushed_breaks_a_rule() {
    let open = vec![write(OLD, 0, b"other")];
    assert_eq!(broken(open.clone(), true), ["done-is-flushed"]);
    assert!(broken(open, false).is_empty(), "nobody said that it was done");
    assert_eq!(broken(vec![write(DISK, 40_960, &[1; 512])], true), ["done-is-flushed"]);
}

#[test]
fn what_a_shared_mapping_would_change_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk.img");
    fs::write(&disk, [7; 4096]).unwrap();
    let script = "import mmap, sys\n\
        f = open(sys.argv[1], 'r+b')\n\
        mmap.mmap(f.fileno(), 4096)[0:1] = b'x'\n";
    let said = tempfile::NamedTempFile::new().unwrap();
    let program = Program {
        path: "/usr/bin/env".into(),
        arguments: ["python3", "-c", script, disk.to_str().unwrap()].map(String::from).into(),
        said: said.path().to_owned(),
        after: 0,
    };
    let error = record(folder.path(), &disk, &[program], None).unwrap_err();
    assert!(error.to_string().contains("is mapped to be written"), "{error}");
    assert!(Path::new(&disk).exists());
}
