//! erofs without compression, by mkfs.erofs.
//!
//! Every file begins on a block of its own (`noinline_data`), so that an unchanged file keeps its blocks from release to
//! release. mkfs.erofs sorts names itself, and with `-T` gives all files one time.
//!
//! It reads a folder, which GNU tar fills from a clean archive: with root's rights as it is, otherwise both run
//! under fakeroot, which remembers owners and device nodes in a file between them.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use super::{FilesystemError, Identity, archive};
use crate::error::OnFile;
use crate::rootfs::Tree;
use crate::tool::{Invocation, Tool};

pub(super) fn make(
    tree: &Tree,
    identity: &Identity,
    image: &Path,
    work: &Path,
    progress: &dyn Fn(u64),
) -> Result<(), FilesystemError> {
    let staging = Staging::new(work)?;
    staging.fill(tree, identity, progress)?;
    let options = format!("-T{}", identity.timestamp);
    staging
        .command(Tool::MkfsErofs)
        .with(|mkfs| {
            mkfs.args(["--quiet", "-d1", "-Enoinline_data", &options]);
            mkfs.arg(format!("-U{}", identity.uuid)).arg(image).arg(&staging.folder);
        })
        .run()?;
    staging.remove()
}

/// A folder that holds the tree for a while.
struct Staging {
    folder: PathBuf,
    /// Where fakeroot remembers owners; none with root's rights.
    owners: Option<PathBuf>,
}

impl Staging {
    fn new(work: &Path) -> Result<Self, FilesystemError> {
        let folder = work.join("root");
        fs::create_dir(&folder).on("create", &folder)?;
        let owners = (!geteuid().is_root()).then(|| work.join("owners"));
        if let Some(owners) = &owners {
            fs::write(owners, "").on("create", owners)?;
        }
        Ok(Self { folder, owners })
    }

    fn fill(
        &self,
        tree: &Tree,
        identity: &Identity,
        progress: &dyn Fn(u64),
    ) -> Result<(), FilesystemError> {
        let extract = self.command(Tool::Tar).with(|tar| {
            tar.args(["--extract", "--numeric-owner", "--same-owner", "--preserve-permissions"]);
            tar.args(["--delay-directory-restore", "--xattrs", "--xattrs-include=*", "--file=-"]);
            tar.arg("--directory").arg(&self.folder);
        });
        extract.run_with_input(|mut input| {
            archive::write(tree, identity.timestamp, &mut input, progress)
        })?;
        Ok(())
    }

    /// A program that sees the owners.
    fn command(&self, tool: Tool) -> Invocation {
        let Some(owners) = &self.owners else { return tool.command() };
        let arguments: [OsString; 4] = ["-i".into(), owners.into(), "-s".into(), owners.into()];
        tool.command_under(Tool::Fakeroot, &arguments)
    }

    /// Takes the folder away; without root's rights, some of its folders must be made writable first.
    fn remove(self) -> Result<(), FilesystemError> {
        if fs::remove_dir_all(&self.folder).is_ok() {
            return Ok(());
        }
        open_folders(&self.folder)?;
        Ok(fs::remove_dir_all(&self.folder).on("remove", &self.folder)?)
    }
}

/// Gives the owner all rights to a folder and those in it.
fn open_folders(folder: &Path) -> Result<(), FilesystemError> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).on("open", folder)?;
    for entry in fs::read_dir(folder).on("read", folder)? {
        let entry = entry.on("read", folder)?;
        if entry.file_type().on("read", folder)?.is_dir() {
            open_folders(&entry.path())?;
        }
    }
    Ok(())
}
