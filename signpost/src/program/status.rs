//! `status`: what a person asks first.
//!
//! As JSON: `disk`, `length` and `block_size` in bytes, `running` (a set or null), `next` (`set` and `reason`, or null),
//! `ever_succeeded` (null if there is no private partition), `table` (`whole`, and for `primary` and `backup` the condition as
//! text), `sets` (for each: `set`, `priority`, `tries`, `successful`, `bootable`, `release` with `version` and `variant` or null,
//! `parts`), `private` and `data` (a part or null). A part has `name`, `index` (from 1), `start` and `length` in bytes.

use std::path::PathBuf;

use cli::ByteCount;
use gptprio::{BootBits, Choice, Obstacle, SetId, choose};
use serde::Serialize;

use super::args::Args;
use super::error::ProgramError;
use super::{text, warning};
use crate::{Access, Disk, PartRange, Release, Side, Target};

/// Everything that `status` tells.
#[derive(Debug, Serialize)]
struct Status {
    disk: PathBuf,
    length: u64,
    block_size: u64,
    running: Option<SetId>,
    next: Option<Next>,
    ever_succeeded: Option<bool>,
    table: TableHealth,
    sets: Vec<SetStatus>,
    private: Option<Part>,
    data: Option<Part>,
}

/// The set that boots next.
#[derive(Debug, Serialize)]
struct Next {
    set: SetId,
    reason: String,
}

/// The condition of both copies of the table.
#[derive(Debug, Serialize)]
struct TableHealth {
    whole: bool,
    primary: String,
    backup: String,
}

/// One set.
#[derive(Debug, Serialize)]
struct SetStatus {
    set: SetId,
    #[serde(flatten)]
    bits: BootBits,
    bootable: bool,
    release: Option<Release>,
    parts: Vec<Part>,
}

/// One partition.
#[derive(Debug, Serialize)]
struct Part {
    name: &'static str,
    index: u32,
    start: u64,
    length: u64,
}

/// Prints the status of a disk.
pub(crate) fn run(args: &Args, target: &Target) -> Result<(), ProgramError> {
    let disk = Disk::open(&target.disk, Access::Read)?;
    warning::of_copies(disk.medium());
    let status = Status::of(&disk, target.active);
    if args.json { Ok(cli::print_json(&status)?) } else { text::print(&status.text()) }
}

impl Status {
    fn of(disk: &Disk, running: Option<SetId>) -> Self {
        let sets = disk.sets();
        let layout = disk.layout();
        Self {
            disk: disk.path().to_owned(),
            length: disk.length(),
            block_size: disk.medium().table().block_size().bytes(),
            running,
            next: choose(&sets).map(Next::from),
            ever_succeeded: disk.ever_succeeded(),
            table: TableHealth::of(disk),
            sets: sets.iter().map(|(set, bits)| SetStatus::of(disk, set, bits)).collect(),
            private: layout.private.map(|range| Part::of("private", range)),
            data: layout.data.map(|range| Part::of("data", range)),
        }
    }

    /// What a person reads.
    fn text(&self) -> String {
        let mut lines = self.summary();
        lines.push(String::new());
        lines.extend(self.table_of_sets());
        lines.join("\n") + "\n"
    }

    fn summary(&self) -> Vec<String> {
        let (length, block) = (ByteCount(self.length), self.block_size);
        let next = match &self.next {
            Some(next) => format!("set {}: {}", next.set, next.reason),
            None => "nothing: no set is bootable".to_owned(),
        };
        let running = match self.running {
            Some(set) => format!("set {set}"),
            None => "unknown (say it with --active)".to_owned(),
        };
        let ever = match self.ever_succeeded {
            Some(ever) => text::yes(ever),
            None => "unknown: there is no private partition",
        };
        vec![
            format!("disk           {}, {length}, blocks of {block} bytes", self.disk.display()),
            format!("running        {running}"),
            format!("boots next     {next}"),
            format!("ever succeeded {ever}"),
            format!("table          {}", self.table.text()),
        ]
    }

    /// A column for each set.
    fn table_of_sets(&self) -> Vec<String> {
        let row = |title: &str, cell: &dyn Fn(&SetStatus) -> String| {
            let cells = self.sets.iter().map(|set| format!("{:<30}", cell(set)));
            format!("{title:<15}{}", cells.collect::<String>()).trim_end().to_owned()
        };
        let mut rows = vec![
            row("", &|set| self.heading(set.set)),
            row("release", &SetStatus::release_text),
            row("bootable", &SetStatus::bootable_text),
            row("priority", &|set| set.bits.priority.to_string()),
            row("tries left", &|set| set.bits.tries.to_string()),
            row("successful", &|set| text::yes(set.bits.successful).to_owned()),
        ];
        for name in ["efi", "boot", "root", "hash", "reserved"] {
            rows.push(row(name, &|set| set.part_text(name)));
        }
        rows.extend([&self.private, &self.data].into_iter().flatten().map(Part::row));
        rows
    }

    fn heading(&self, set: SetId) -> String {
        let running = self.running == Some(set);
        let next = self.next.as_ref().is_some_and(|next| next.set == set);
        match (running, next) {
            (true, true) => format!("set {set}, runs, boots next"),
            (true, false) => format!("set {set}, runs"),
            (false, true) => format!("set {set}, boots next"),
            (false, false) => format!("set {set}"),
        }
    }
}

impl From<Choice> for Next {
    fn from(choice: Choice) -> Self {
        Self { set: choice.set, reason: choice.to_string() }
    }
}

impl TableHealth {
    fn of(disk: &Disk) -> Self {
        let condition = |side| disk.condition(side).to_string();
        Self {
            whole: disk.medium().is_whole(),
            primary: condition(Side::Primary),
            backup: condition(Side::Backup),
        }
    }

    fn text(&self) -> String {
        if self.whole {
            return "both copies are good".to_owned();
        }
        format!(
            "primary copy {}; backup copy {}; signpost rewrite-table repairs it",
            self.primary, self.backup
        )
    }
}

impl SetStatus {
    fn of(disk: &Disk, set: SetId, bits: BootBits) -> Self {
        let parts = disk
            .layout()
            .set(set)
            .map(|layout| layout.parts().map(|(name, range)| Part::of(name, range)).collect());
        Self {
            set,
            bits,
            bootable: bits.is_bootable(),
            release: disk.release(set),
            parts: parts.unwrap_or_default(),
        }
    }

    fn release_text(&self) -> String {
        match &self.release {
            Some(Release { version, variant: Some(variant) }) => format!("{version} ({variant})"),
            Some(Release { version, variant: None }) => version.clone(),
            None => "unknown".to_owned(),
        }
    }

    fn bootable_text(&self) -> String {
        match Obstacle::of(self.bits) {
            None => "yes".to_owned(),
            Some(Obstacle::PriorityZero) => "no: priority 0".to_owned(),
            Some(Obstacle::NoTriesLeft) => "no: unproven, no tries left".to_owned(),
        }
    }

    fn part_text(&self, name: &str) -> String {
        let part = self.parts.iter().find(|part| part.name == name);
        part.map_or_else(|| "-".to_owned(), Part::text)
    }
}

impl Part {
    fn of(name: &'static str, range: PartRange) -> Self {
        Self { name, index: range.index, start: range.start, length: range.length }
    }

    fn text(&self) -> String {
        format!("#{:<3} {}", self.index, ByteCount(self.length))
    }

    fn row(&self) -> String {
        format!("{:<15}{}", self.name, self.text())
    }
}
