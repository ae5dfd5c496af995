//! Copies of stores, and who owns what in them.
//!
//! A copy has the owner and the mode of what it is a copy of. Nothing is flushed here: what counts is flushed as a whole.

use std::fs::{self, DirEntry, FileType, Metadata, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use crate::Result;
use crate::error::{damaged, failed};

/// All bits of a mode.
const MODE: u32 = 0o7777;

/// What a new file keeps of its folder's mode: it is not run.
const FILE_MODE: u32 = 0o666;

/// Owner and mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Attributes {
    user: u32,
    group: u32,
    mode: u32,
}

impl Attributes {
    fn of(metadata: &Metadata) -> Self {
        let mode = metadata.mode() & MODE;
        Self { user: metadata.uid(), group: metadata.gid(), mode }
    }

    /// What a new file in a folder with these gets.
    fn of_file_within(self) -> Self {
        Self { mode: self.mode & FILE_MODE, ..self }
    }

    fn apply(self, path: &Path) -> Result<()> {
        let there = Self::of(&fs::symlink_metadata(path).map_err(failed("read", path))?);
        if (there.user, there.group) != (self.user, self.group) {
            let (user, group) = (Some(self.user), Some(self.group));
            chown(path, user, group).map_err(failed("change the owner of", path))?;
        }
        // A change of owner may have taken bits of the mode away.
        if there == self {
            return Ok(());
        }
        let mode = Permissions::from_mode(self.mode);
        fs::set_permissions(path, mode).map_err(failed("change the mode of", path))
    }
}

/// Copies a folder of folders and plain files to a new place.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to).map_err(failed("make", to))?;
    for (entry, kind) in entries(from)? {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&from, &to)?;
        } else if kind.is_file() {
            fs::copy(&from, &to).map_err(failed("write", &to))?;
            keep_attributes(&from, &to)?;
        } else {
            return Err(damaged(&from, "it is neither a folder nor a plain file"));
        }
    }
    // Last, since the mode may not let anything be made in it.
    keep_attributes(from, to)
}

fn keep_attributes(from: &Path, to: &Path) -> Result<()> {
    Attributes::of(&fs::symlink_metadata(from).map_err(failed("read", from))?).apply(to)
}

/// Gives everything in `store` the owner and mode that it has in `before`; what is not there gets its folder's.
pub(crate) fn settle(store: &Path, before: &Path) -> Result<()> {
    let above = Attributes::of(&fs::symlink_metadata(before).map_err(failed("read", before))?);
    settle_one(store, Some(before), true, above)
}

fn settle_one(path: &Path, before: Option<&Path>, is_dir: bool, above: Attributes) -> Result<()> {
    let old = before.and_then(|before| fs::symlink_metadata(before).ok());
    let old = old.filter(|old| if is_dir { old.is_dir() } else { old.is_file() });
    let own = match &old {
        Some(old) => Attributes::of(old),
        None if is_dir => above,
        None => above.of_file_within(),
    };
    if is_dir {
        let before = before.filter(|_| old.is_some());
        for (entry, kind) in entries(path)? {
            let before = before.map(|before| before.join(entry.file_name()));
            settle_one(&entry.path(), before.as_deref(), kind.is_dir(), own)?;
        }
    }
    own.apply(path)
}

fn entries(folder: &Path) -> Result<Vec<(DirEntry, FileType)>> {
    let list = fs::read_dir(folder).map_err(failed("list", folder))?;
    let entry = |entry: std::io::Result<DirEntry>| {
        let entry = entry?;
        let kind = entry.file_type()?;
        Ok((entry, kind))
    };
    list.map(entry).collect::<std::io::Result<_>>().map_err(failed("list", folder))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn write(path: &Path, mode: u32) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, path.file_name().unwrap().as_encoded_bytes()).unwrap();
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & MODE
    }

    #[test]
    fn a_copy_has_the_same_bytes_owners_and_modes() {
        let top = tempfile::tempdir().unwrap();
        let (from, to) = (top.path().join("from"), top.path().join("to"));
        write(&from.join("live/a/secret"), 0o600);
        write(&from.join("live/b"), 0o644);
        fs::set_permissions(from.join("live/a"), Permissions::from_mode(0o550)).unwrap();
        copy(&from, &to).unwrap();
        assert_eq!(fs::read(to.join("live/a/secret")).unwrap(), b"secret");
        let modes = ["live/a/secret", "live/b", "live/a"].map(|name| mode(&to.join(name)));
        assert_eq!(modes, [0o600, 0o644, 0o550]);
    }

    #[test]
    fn links_are_not_followed() {
        let top = tempfile::tempdir().unwrap();
        let from = top.path().join("from");
        write(&from.join("live/a"), 0o644);
        symlink("/etc/hostname", from.join("live/b")).unwrap();
        assert!(copy(&from, &top.path().join("to")).is_err());
    }

    #[test]
    fn what_a_migration_wrote_gets_the_modes_of_before_and_what_is_new_its_folders() {
        let top = tempfile::tempdir().unwrap();
        let (before, after) = (top.path().join("before"), top.path().join("after"));
        write(&before.join("live/a/kept"), 0o640);
        write(&before.join("live/a/gone"), 0o600);
        fs::set_permissions(before.join("live/a"), Permissions::from_mode(0o750)).unwrap();
        for (name, wrong) in
            [("live/a/kept", 0o666), ("live/a/new", 0o777), ("live/a/deep/er", 0o600)]
        {
            write(&after.join(name), wrong);
        }
        settle(&after, &before).unwrap();
        let modes = ["live/a/kept", "live/a/new", "live/a/deep", "live/a/deep/er", "live/a"];
        let modes = modes.map(|name| mode(&after.join(name)));
        assert_eq!(modes, [0o640, 0o640, 0o750, 0o640, 0o750]);
    }
}
