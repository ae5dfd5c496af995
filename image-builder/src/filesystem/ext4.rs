//! ext4 with blocks of 4 KiB, by mke2fs and debugfs.
//!
//! `mke2fs -d` would take over times of change and the order of folders from the building machine. So an empty
//! filesystem is filled by a script in the order of the names; the clock of both programs is fixed, and their features do
//! not depend on the machine's configuration. Afterwards e2fsck must find nothing.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use uuid::Uuid;

use super::ext4_script::Script;
use super::ext4_size::room_for;
use super::{FilesystemError, Identity};
use crate::error::OnFile;
use crate::rootfs::Tree;
use crate::tool::Tool;

/// Features of all filesystems that are made here.
const FEATURES: &str = "none,filetype,extent,64bit,flex_bg,sparse_super,large_file,huge_file,dir_nlink,\
                        extra_isize,ext_attr,dir_index,metadata_csum";

pub(super) fn make(
    tree: &Tree,
    identity: &Identity,
    image: &Path,
    work: &Path,
    progress: &dyn Fn(u64),
) -> Result<(), FilesystemError> {
    let contents = work.join("contents");
    fs::create_dir(&contents).on("create", &contents)?;
    let script = Script::of(tree, &contents, progress)?;
    let room = room_for(tree);
    let length = room.blocks.saturating_mul(4096);
    File::create_new(image).and_then(|file| file.set_len(length)).on("create", image)?;
    let uuid = identity.uuid;
    let empty = EmptyExt4 {
        uuid,
        label: None,
        timestamp: identity.timestamp,
        journal: false,
        start: 0,
        length,
    };
    format_empty(&empty, Some(room.inodes), image)?;
    fill(&script, identity.timestamp, image, &contents)?;
    check(image)?;
    Ok(fs::remove_dir_all(&contents).on("remove", &contents)?)
}

/// An empty filesystem inside a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EmptyExt4<'a> {
    pub(crate) uuid: Uuid,
    pub(crate) label: Option<&'a str>,
    pub(crate) timestamp: u32,
    pub(crate) journal: bool,
    /// Where it begins in the file, in bytes.
    pub(crate) start: u64,
    /// Its length in bytes.
    pub(crate) length: u64,
}

/// Makes an empty filesystem in a part of a file that is all zero.
pub(crate) fn format_empty(
    filesystem: &EmptyExt4<'_>,
    inodes: Option<u64>,
    file: &Path,
) -> Result<(), FilesystemError> {
    let EmptyExt4 { uuid, label, timestamp, journal, start, length } = *filesystem;
    let features = if journal { format!("{FEATURES},has_journal") } else { FEATURES.to_owned() };
    let extended = format!(
        "lazy_itable_init=0,lazy_journal_init=0,nodiscard,root_owner=0:0,hash_seed={uuid},offset={start}"
    );
    Tool::Mke2fs.run(|mke2fs| {
        mke2fs.env("MKE2FS_CONFIG", "/dev/null").env("E2FSPROGS_FAKE_TIME", clock(timestamp));
        mke2fs.args(["-q", "-F", "-t", "ext4", "-b", "4096", "-I", "256", "-m", "0"]);
        mke2fs.args(["-O", &features, "-E", &extended, "-U", &uuid.to_string()]);
        mke2fs.args(label.into_iter().flat_map(|label| ["-L", label]));
        mke2fs.args(inodes.iter().flat_map(|count| ["-N".to_owned(), count.to_string()]));
        mke2fs.arg(file).arg(format!("{}k", length / 1024));
    })?;
    Ok(())
}

/// Runs a script of debugfs commands on an image; contents are named relative to `contents`.
fn fill(
    script: &str,
    timestamp: u32,
    image: &Path,
    contents: &Path,
) -> Result<(), FilesystemError> {
    let commands = contents.join("script");
    let mut file = File::create_new(&commands).on("create", &commands)?;
    file.write_all(script.as_bytes()).on("write", &commands)?;
    let image = image.canonicalize().on("find", image)?;
    let said = Tool::Debugfs.run(|debugfs| {
        debugfs.env("E2FSPROGS_FAKE_TIME", clock(timestamp)).current_dir(contents);
        debugfs.args(["-w", "-f", "script"]).arg(image).stdout(Stdio::null());
    })?;
    // It ends with success whatever happened; all that it says beside its version is a complaint.
    let complaint =
        said.lines().find(|line| !line.trim().is_empty() && !line.starts_with("debugfs 1."));
    complaint.map_or(Ok(()), |line| Err(FilesystemError::Fill(line.trim().to_owned())))
}

/// What the programs take for the time; they take zero for no answer, and look at the clock.
fn clock(timestamp: u32) -> String {
    timestamp.max(1).to_string()
}

/// Looks for mistakes without mending them.
fn check(image: &Path) -> Result<(), FilesystemError> {
    Tool::E2fsck.run(|e2fsck| {
        e2fsck.args(["-f", "-n"]).arg(image);
    })?;
    Ok(())
}
