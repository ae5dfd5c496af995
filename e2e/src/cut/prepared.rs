//! Operations on their way: hosts where they begin, and recordings of them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::again::write_disk;
use super::bed::{Bed, Host};
use super::boot::boot;
use super::event::{Event, Kind};
use super::operation::{Doing, Operation};
use super::record::{Recording, record};
use super::sectors::Sectors;
use super::trace::{Ending, Program};
use crate::programs;

/// A host that is where an operation begins.
pub(super) fn prepared(bed: &Bed, operation: &Operation, scratch: &Path) -> io::Result<Host> {
    let host = bed.host(scratch, operation.way)?;
    (operation.prepare)(bed, &host)?;
    Ok(host)
}

/// The programs of an operation on a host.
pub(super) fn programs_of(host: &Host, operation: &Operation, scratch: &Path) -> Vec<Program> {
    let Doing::Programs(all) = operation.doing else { return Vec::new() };
    let program = |(number, words): (usize, &&[&str])| Program {
        path: programs::command(words.first().unwrap_or(&"updog")).get_program().into(),
        arguments: host.arguments(operation.active, words),
        said: said(host, scratch, number),
        after: 0,
    };
    all.iter().enumerate().map(program).collect()
}

/// Where a program's words go: not among the files that are watched.
fn said(host: &Host, scratch: &Path, number: usize) -> PathBuf {
    let name = host.folder().file_name().unwrap_or_default().to_string_lossy().into_owned();
    scratch.join(format!("{name}.said-{number}"))
}

/// Runs an operation and puts down what it does; a second program begins after so many calls of the first.
pub(super) fn recorded(
    host: &Host,
    operation: &Operation,
    after: usize,
    scratch: &Path,
) -> io::Result<Recording> {
    if matches!(operation.doing, Doing::Selector) {
        return selector(host);
    }
    let mut programs = programs_of(host, operation, scratch);
    programs.iter_mut().skip(1).for_each(|program| program.after = after);
    let recording = record(host.folder(), &host.disk(), &programs, None)?;
    let words: String =
        programs.iter().filter_map(|program| fs::read_to_string(&program.said).ok()).collect();
    programs.iter().for_each(|program| drop(fs::remove_file(&program.said)));
    match recording.endings.first() {
        Some(Ending::Exit(0)) => Ok(recording),
        // Of two at once, one may find the other in its way.
        _ if recording.endings.len() > 1 && recording.endings.contains(&Ending::Exit(0)) => {
            Ok(recording)
        }
        _ => Err(io::Error::other(format!("{:?} without a fault: {words}", recording.endings))),
    }
}

/// What the boot selector does to a host's disk, as a recording; the host's disk is then as it left it.
fn selector(host: &Host) -> io::Result<Recording> {
    let bytes: Arc<[u8]> = fs::read(host.disk())?.into();
    let before = Sectors::new(Arc::clone(&bytes));
    let boot = boot(&before).map_err(io::Error::other)?;
    // The rest of the host is as it was.
    let mut recording = record(host.folder(), &host.disk(), &[], None)?;
    let node = recording.disk;
    recording.nodes[node.0] = Kind::File(bytes);
    for wrote in &boot.wrote {
        let covers = recording.events.len();
        recording.events.push(match wrote {
            Some((first, data)) => {
                Event::Write { node, offset: first * 512, data: data.as_slice().into() }
            }
            None => Event::Flush { node: Some(node), covers },
        });
    }
    let disk = boot.disk(&before);
    write_disk(&host.disk(), &disk)?;
    recording.endings = vec![Ending::Exit(0)];
    Ok(recording)
}
