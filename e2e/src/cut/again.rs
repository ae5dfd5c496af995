//! The same thing once more, on a host that was cut off.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use gptprio::SetId;

use super::bed::{Bed, Host};
use super::judge::Verdict;
use super::moment::State;
use super::operation::{Doing, Operation};
use super::sectors::Sectors;
use super::tree::{Tree, copy_sparse};

/// Runs an operation again on a host that was cut off, and has started a set meanwhile.
pub(super) fn go_on(
    bed: &Bed,
    operation: &Operation,
    host: &Host,
    verdict: &Verdict,
) -> Result<(), String> {
    let failed = |error: io::Error| format!("the host cannot be looked at: {error}");
    let set = verdict.boot.set;
    if set != operation.active || matches!(operation.doing, Doing::Selector) {
        host.runs(&verdict.version).map_err(failed)?;
        fs::write(host.path("boot-id"), "boot-3\n").map_err(failed)?;
        return answers(host, set);
    }
    let Doing::Programs(all) = operation.doing else { return Ok(()) };
    for words in all {
        let finished = host.run(set, words);
        if ![0, 3].contains(&finished.code) {
            let (code, said) = (finished.code, finished.stderr);
            return Err(format!("run again, {words:?} ends with {code}: {said}"));
        }
    }
    (operation.goal)(bed, host).map_err(|why| format!("run again, it is not done: {why}"))
}

/// A host on its other set: what happened is over, and it can tell of itself.
fn answers(host: &Host, set: SetId) -> Result<(), String> {
    for words in [&["updog", "status"][..], &["signpost", "status"]] {
        let finished = host.run(set, words);
        if finished.code != 0 {
            return Err(format!("{words:?} ends with {}: {}", finished.code, finished.stderr));
        }
    }
    Ok(())
}

/// Makes the files of a host in a folder that is there and empty.
pub(super) fn write_host(folder: &Path, disk: &Sectors, files: &Tree) -> io::Result<()> {
    let file = copy_sparse(disk.base(), &folder.join("disk.img"))?;
    for (sector, bytes) in disk.written() {
        file.write_all_at(bytes, sector * 512)?;
    }
    files.make(folder)
}

/// Puts what was written to a disk into a file that holds the rest.
pub(super) fn write_disk(path: &Path, disk: &Sectors) -> io::Result<()> {
    let file = fs::File::options().write(true).open(path)?;
    for (sector, bytes) in disk.written() {
        file.write_all_at(bytes, sector * 512)?;
    }
    Ok(())
}

/// The state of a host as it is, beside the disk that it had at first.
pub(super) fn read(host: &Host, before: Arc<[u8]>) -> io::Result<State> {
    let mut disk = Sectors::new(before);
    disk.write(0, &fs::read(host.disk())?);
    Ok(State { disk, files: Tree::read(host.folder(), &["disk.img"])? })
}
