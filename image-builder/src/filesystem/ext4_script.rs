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
        script.count_links(tree);
        Ok(script.text)
    }

    fn entry(
        &mut self,
        path: &'a RootPath,
        number: usize,
        inode: &Inode,
    ) -> Result<(), FilesystemError> {
        let name = quoted(path, path.to_string().as_bytes())?;
        if let Some((first, names)) = self.names.get_mut(&number) {
            *names += 1;
            let first = quoted(first, first.to_string().as_bytes())?;
            self.line(&format!("ln {first} {name}"));
            return Ok(());
        }
        self.names.insert(number, (path, 1));
        let kind = self.make(path, &name, &inode.kind)?;
        self.describe(&name, kind, &inode.metadata)
    }

    /// The command that makes an inode; gives the bits of its kind.
    fn make(
        &mut self,
        path: &RootPath,
        name: &str,
        kind: &InodeKind,
    ) -> Result<u32, FilesystemError> {
        // mknod takes a name in the current folder only.
        let folder = path.parent().unwrap_or_default().to_string();
        let folder = quoted(path, folder.as_bytes())?;
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
                format!("cd {folder}\nmknod {last} c {} {}", device.major, device.minor),
                0o020_000,
            ),
            InodeKind::BlockDevice(device) => (
                format!("cd {folder}\nmknod {last} b {} {}", device.major, device.minor),
                0o060_000,
            ),
            InodeKind::Fifo => (format!("cd {folder}\nmknod {last} p"), 0o010_000),
        };
        self.line(&command);
        Ok(bits)
    }

    /// Owner, mode and attributes of what was made.
    fn describe(
        &mut self,
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
            let attribute = String::from_utf8_lossy(attribute);
            self.line(&format!("ea_set -f {value} {name} {attribute}"));
        }
        Ok(())
    }

    /// `ln` does not count the names of an inode.
    fn count_links(&mut self, tree: &Tree) {
        for (path, number, _) in tree.entries() {
            if let Some((_, names)) =
                self.names.get(&number).filter(|(first, names)| *names > 1 && *first == path)
            {
                let line = format!("sif \"{path}\" links_count {names}");
                self.line(&line);
            }
        }
    }

    /// Puts a content to a file; gives its name.
    fn store(&mut self, content: &Content) -> Result<String, FilesystemError> {
        let name = self.written.to_string();
        self.written += 1;
        let path: PathBuf = self.folder.join(&name);
        let mut file = File::create_new(&path).on("create", &path)?;
        copy(&mut *content.open()?, &mut file, self.progress).on("copy to", &path)?;
        file.flush().on("write", &path)?;
        Ok(name)
    }

    fn line(&mut self, command: &str) {
        let _ = writeln!(self.text, "{command}"); // a String takes everything
    }
}

/// A name in quotes; debugfs has no way to say quotes, backslashes and line feeds.
fn quoted(path: &RootPath, name: &[u8]) -> Result<String, FilesystemError> {
    let plain = |byte: &u8| !matches!(byte, b'"' | b'\\') && !byte.is_ascii_control();
    match std::str::from_utf8(name) {
        Ok(text) if name.iter().all(plain) => Ok(format!("\"{text}\"")),
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
    fn names_cannot_add_commands() {
        for name in ["a\nrm /etc/passwd", "a\" b", "a\\", "a\rb"] {
            assert!(matches!(script(&[name]), Err(FilesystemError::Name(_))), "{name:?}");
        }
        let text = script(&["a b;rm c"]).expect("only looks odd");
        assert!(text.contains("mknod \"a b;rm c\" p\nsif \"/a b;rm c\" mode 010640\n"), "{text}");
    }
}
