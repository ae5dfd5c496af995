//! erofs without compression, by mkfs.erofs.
//!
//! Every file begins on a block of its own (`noinline_data`), so that an unchanged file keeps its blocks from release to
//! release. mkfs.erofs sorts names itself, and with `-T` gives all files one time.
//!
//! It reads a folder, which GNU tar fills from a clean archive. Without root's rights both run under one fakeroot, which
//! remembers owners, device nodes and attributes as long as it lives. So they do where an inode has several
//! attributes: mkfs.erofs takes them in the order in which the folder's filesystem lists them, and each has its own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::process::geteuid;

use super::{FilesystemError, Identity, archive};
use crate::error::OnFile;
use crate::rootfs::Tree;
use crate::tool::{Invocation, Tool};

/// Fills the folder `$1` from standard input, and makes the image `$2` of it with the time `$3` and the UUID `$4`.
const SCRIPT: &str = r#"set -e
tar --extract --file=- --directory="$1" --numeric-owner --same-owner --preserve-permissions \
    --delay-directory-restore --xattrs "--xattrs-include=*"
exec mkfs.erofs --quiet -d1 -Enoinline_data "-T$3" "-U$4" "$2" "$1""#;

pub(super) fn make(
    tree: &Tree,
    identity: &Identity,
    image: &Path,
    work: &Path,
    progress: &dyn Fn(u64),
) -> Result<(), FilesystemError> {
    let folder = work.join("root");
    fs::create_dir(&folder).on("create", &folder)?;
    let make = shell(tree)?.with(|shell| {
        shell.args(["-c", SCRIPT, "sh"]).args([&folder, image]);
        shell.args([identity.timestamp.to_string(), identity.uuid.to_string()]);
    });
    make.run_with_input(|mut input| {
        archive::write(tree, identity.timestamp, &mut input, progress)
    })?;
    remove(&folder)
}

/// A shell whose programs can make files of any owner, and list attributes in one order everywhere.
fn shell(tree: &Tree) -> Result<Invocation, FilesystemError> {
    Tool::Tar.require()?;
    Tool::MkfsErofs.require()?;
    let plain = tree.entries().all(|(_, _, inode)| inode.metadata.xattrs.len() < 2);
    if plain && geteuid().is_root() {
        return Ok(Tool::Shell.command());
    }
    Tool::Fakeroot.require()?;
    Ok(Tool::Shell.command_under(Tool::Fakeroot))
}

/// Removes a folder; without root's rights, some folders in it may have to be made writable first.
fn remove(folder: &Path) -> Result<(), FilesystemError> {
    if fs::remove_dir_all(folder).is_ok() {
        return Ok(());
    }
    open_folders(folder)?;
    Ok(fs::remove_dir_all(folder).on("remove", folder)?)
}

/// Gives the owner all rights to a folder and those in it.
fn open_folders(folder: &Path) -> Result<(), FilesystemError> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).on("open", folder)?;
    for entry in fs::read_dir(folder).on("read", folder)? {
        let entry = entry.on("read", folder)?;
        if entry.file_type().on("read", folder)?.is_dir() {
            open_folders(&entry.path())?;
        }
    }
    Ok(())
}
