//! What debugfs is told to fill an ext4 filesystem: one command a line, in the order of the names.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::FilesystemError;
use crate::digest::copy;
use crate::error::OnFile;
use crate::rootfs::{Content, Inode, InodeKind, Metadata, RootPath, Tree};

/// A script, and the contents that it names: files with numbers for names, in the folder that it runs in.
pub(super) struct Script<'a> {
    folder: &'a Path,
    text: String,
    written: usize,
    /// First path and number of names of each inode.
    names: HashMap<usize, (&'a RootPath, u32)>,
    progress: &'a dyn Fn(u64),
}

impl<'a> Script<'a> {
    /// The script for a tree; contents are put into `folder`.
    pub(super) fn of(
        tree: &'a Tree,
        folder: &'a Path,
        progress: &'a dyn Fn(u64),
    ) -> Result<String, FilesystemError> {
        let text = String::new();
        let mut script = Self { folder, text, written: 0, names: HashMap::new(), progress };
        for (path, number, inode) in tree.entries() {
            script.entry(path, number, inode)?;
        }
        script.count_links()?;
        Ok(script.text)
    }

    fn entry(
        &mut self,
        path: &'a RootPath,
        number: usize,
        inode: &Inode,
    ) -> Result<(), FilesystemError> {
        let name = whole(path)?;
        if let Some((first, names)) = self.names.get_mut(&number) {
            *names += 1;
            let first = whole(first)?;
            self.line(&format!("ln {first} {name}"));
            return Ok(());
        }
        self.names.insert(number, (path, 1));
        let kind = self.make(path, &name, &inode.kind)?;
        self.describe(path, &name, kind, &inode.metadata)
    }

    /// The command that makes an inode; gives the bits of its kind.
    fn make(
        &mut self,
        path: &RootPath,
        name: &str,
        kind: &InodeKind,
    ) -> Result<u32, FilesystemError> {
        // mknod takes a name in the current folder only, and all else takes /name for one in it: always go back.
        let folder = whole(&path.parent().unwrap_or_default())?;
        let last = quoted(path, path.name())?;
        let (command, bits) = match kind {
            InodeKind::Directory if path.parent().is_none() => return Ok(0o040_000),
            InodeKind::Directory => (format!("mkdir {name}"), 0o040_000),
            InodeKind::File(content) => {
                (format!("write {} {name}", self.store(content)?), 0o100_000)
            }
            InodeKind::Symlink(target) => {
                (format!("symlink {name} {}", quoted(path, target)?), 0o120_000)
            }
            InodeKind::CharacterDevice(device) => (
                format!("cd {folder}\nmknod {last} c {} {}\ncd /", device.major, device.minor),
                0o020_000,
            ),
            InodeKind::BlockDevice(device) => (
                format!("cd {folder}\nmknod {last} b {} {}\ncd /", device.major, device.minor),
                0o060_000,
            ),
            InodeKind::Fifo => (format!("cd {folder}\nmknod {last} p\ncd /"), 0o010_000),
        };
        self.line(&command);
        Ok(bits)
    }

    /// Owner, mode and attributes of what was made.
    fn describe(
        &mut self,
        path: &RootPath,
        name: &str,
        kind: u32,
        metadata: &Metadata,
    ) -> Result<(), FilesystemError> {
        let Metadata { mode, uid, gid, xattrs } = metadata;
        self.line(&format!("sif {name} mode 0{:o}", kind | mode));
        if *uid != 0 {
            self.line(&format!("sif {name} uid {uid}"));
        }
        if *gid != 0 {
            self.line(&format!("sif {name} gid {gid}"));
        }
        for (attribute, value) in xattrs {
            let value = self.store(&Content::Bytes(value.as_slice().into()))?;
            let attribute = quoted(path, attribute)?;
            self.line(&format!("ea_set -f {value} {name} {attribute}"));
        }
        Ok(())
    }

    /// `ln` does not count the names of an inode.
    fn count_links(&mut self) -> Result<(), FilesystemError> {
        let mut linked: Vec<_> =
            self.names.values().filter(|(_, names)| *names > 1).copied().collect();
        linked.sort_unstable();
        for (path, names) in linked {
            self.line(&format!("sif {} links_count {names}", whole(path)?));
        }
        Ok(())
    }

    /// Puts a content to a file; gives its name.
    fn store(&mut self, content: &Content) -> Result<String, FilesystemError> {
        let name = self.written.to_string();
        self.written += 1;
        let path: PathBuf = self.folder.join(&name);
        let mut file = File::create_new(&path).on("create", &path)?;
        copy((&mut *content.open()?, content.path()), (&mut file, &path), self.progress)?;
        file.flush().on("write", &path)?;
        Ok(name)
    }

    fn line(&mut self, command: &str) {
        let _ = writeln!(self.text, "{command}"); // a String takes everything
    }
}

/// A path from the root, in quotes.
fn whole(path: &RootPath) -> Result<String, FilesystemError> {
    quoted(path, &[b"/", path.as_bytes()].concat())
}

/// A name in quotes; quotes in it are doubled. There is no way to say a line feed.
fn quoted(path: &RootPath, name: &[u8]) -> Result<String, FilesystemError> {
    let plain = |byte: &u8| !byte.is_ascii_control();
    match std::str::from_utf8(name) {
        Ok(text) if name.iter().all(plain) => Ok(format!("\"{}\"", text.replace('"', "\"\""))),
        _ => Err(FilesystemError::Name(path.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(names: &[&str]) -> Result<String, FilesystemError> {
        let mut tree = Tree::default();
        for name in names {
            let path = RootPath::parse(name.as_bytes()).expect("a plain path");
            let metadata = Metadata { mode: 0o640, uid: 7, ..Metadata::default() };
            let inode = Inode { metadata, kind: InodeKind::Fifo };
            tree.insert(&path, inode).expect("a free place");
        }
        Script::of(&tree, Path::new("/nonexistent"), &|_| ())
    }

    #[test]
    fn attributes_cannot_add_commands() {
        let xattrs = [(b"user.a\ndump /etc/passwd x".to_vec(), Vec::new())].into();
        let metadata = Metadata { xattrs, ..Metadata::default() };
        let mut tree = Tree::default();
        let inode = Inode { metadata, kind: InodeKind::Fifo };
        tree.insert(&RootPath::root().child(b"a"), inode).expect("a free place");
        let folder = tempfile::tempdir().expect("a folder");
        let script = Script::of(&tree, folder.path(), &|_| ());
        assert!(matches!(script, Err(FilesystemError::Name(_))), "{script:?}");
    }

    #[test]
    fn names_cannot_add_commands() {
        for name in ["a\nrm /etc/passwd", "a\rb", "a\tb"] {
            assert!(matches!(script(&[name]), Err(FilesystemError::Name(_))), "{name:?}");
        }
        for target in [&b"a\nb"[..], b"\xff"] {
            assert!(quoted(&RootPath::root(), target).is_err());
        }
        let text = script(&["a\" b;rm c"]).expect("only looks odd");
        let wanted = "mknod \"a\"\" b;rm c\" p\ncd /\nsif \"/a\"\" b;rm c\" mode 010640\n";
        assert!(text.contains(wanted), "{text}");
    }
}
