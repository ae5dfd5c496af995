//! Metrics in the folder that node exporter's textfile collector reads.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Name of the file. The collector reads those that end so.
pub const NAME: &str = "updog.prom";

/// Its mode: node exporter runs as nobody in particular.
const MODE: u32 = 0o644;

/// Puts the metrics into `folder` in one step, so that nobody reads half of them; nothing happens if there is no such folder, and
/// `false` is given back.
///
/// Nothing is flushed: after a power cut the next round writes the file again, and until then nothing is better than what was.
///
/// # Errors
///
/// Fails when the file cannot be written; the old one is then still there.
pub fn write_textfile(folder: &Path, text: &str) -> io::Result<bool> {
    // Hidden, and with an end that is not the collector's.
    let file = tempfile::Builder::new().prefix(".updog-").suffix(".new").tempfile_in(folder);
    let mut file = match file {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        file => file?,
    };
    file.write_all(text.as_bytes())?;
    // Of the file that is open, whatever the umask says.
    file.as_file().set_permissions(Permissions::from_mode(MODE))?;
    file.persist(folder.join(NAME)).map_err(|error| error.error)?;
    Ok(true)
}
