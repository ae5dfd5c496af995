//! Hash trees of files and block devices.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{ErrorKind, Seek, SeekFrom};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

use cli::Progress;
use serde::Serialize;
use tempfile::NamedTempFile;
use verity::{Params, RootHash, available_threads};

use crate::Error;
use crate::error::{FileError, OnFile};

/// A tree that was made or checked.
#[derive(Clone, Debug, Serialize)]
pub struct TreeReport {
    /// Root hash in hexadecimal.
    pub root_hash: String,
    /// Salt in hexadecimal, `-` for none.
    pub salt: String,
    /// UUID of the tree.
    pub uuid: String,
    /// Data blocks of 4096 bytes.
    pub data_blocks: u64,
    /// Length of the hash image in bytes.
    pub hash_bytes: u64,
}

/// Makes the tree of `data` in `hash`: a file, made anew and put into place when it is whole, or a block device.
///
/// # Errors
///
/// Fails when something cannot be read or written, or the data has an odd length.
pub fn format(data: &Path, hash: &Path, params: &Params, quiet: bool) -> Result<TreeReport, Error> {
    let (file, length) = open(data)?;
    let progress = Progress::new("hash tree", length, quiet);
    let add = |bytes| progress.add(bytes);
    let into =
        |out: &mut File| verity::format(&file, length, params, out, available_threads(), &add);
    let made = if is_block_device(hash)? {
        let mut device = OpenOptions::new().write(true).open(hash).on("write", hash)?;
        let made = into(&mut device)?;
        device.sync_all().on("write", hash)?;
        made
    } else {
        let mut partial = beside(hash)?;
        let made = into(partial.as_file_mut())?;
        persist(partial, hash)?;
        made
    };
    progress.finish();
    Ok(TreeReport {
        root_hash: made.root_hash.to_string(),
        salt: params.salt.to_string(),
        uuid: params.uuid.to_string(),
        data_blocks: made.data_blocks,
        hash_bytes: made.hash_len,
    })
}

/// Checks `data` and its tree in `hash` against a root hash.
///
/// # Errors
///
/// Names the first block that is wrong.
pub fn verify(
    data: &Path,
    hash: &Path,
    root_hash: &RootHash,
    quiet: bool,
) -> Result<TreeReport, Error> {
    let ((data, data_length), (hash, hash_length)) = (open(data)?, open(hash)?);
    let progress = Progress::new("data checked", data_length, quiet);
    let add = |bytes| progress.add(bytes);
    let threads = available_threads();
    let checked = verity::verify(&data, data_length, &hash, hash_length, root_hash, threads, &add)?;
    progress.finish();
    Ok(TreeReport {
        root_hash: checked.root_hash.to_string(),
        salt: checked.salt.to_string(),
        uuid: checked.uuid.to_string(),
        data_blocks: checked.data_blocks,
        hash_bytes: checked.hash_len,
    })
}

/// A file in the folder of `path` that [`persist`] will give its name. Others may read it, as far as the umask lets them.
pub(crate) fn beside(path: &Path) -> Result<NamedTempFile, FileError> {
    let folder = folder_of(path);
    let mode = Permissions::from_mode(0o644);
    let partial = tempfile::Builder::new().permissions(mode).tempfile_in(folder);
    partial.on("create a file in", folder)
}

/// Gives a file that was made under another name its own, durably.
pub(crate) fn persist(partial: NamedTempFile, path: &Path) -> Result<(), FileError> {
    partial.as_file().sync_all().on("flush", path)?;
    partial.persist(path).map_err(|error| error.error).on("rename a file to", path)?;
    let folder = folder_of(path);
    File::open(folder).and_then(|folder| folder.sync_all()).on("flush", folder)
}

/// The folder that a name is in.
fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// Opens a file or a block device for reading; gives its length too.
pub(crate) fn open(path: &Path) -> Result<(File, u64), FileError> {
    let mut file = File::open(path).on("read", path)?;
    let length = file.seek(SeekFrom::End(0)).on("read", path)?;
    Ok((file, length))
}

fn is_block_device(path: &Path) -> Result<bool, FileError> {
    match path.metadata() {
        Ok(metadata) => Ok(metadata.file_type().is_block_device()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(FileError::new("read", path, error)),
    }
}
