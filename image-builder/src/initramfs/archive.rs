//! A cpio archive of the format "newc".
//!
//! ```text
//! "070701", then 13 numbers of 8 hexadecimal digits:
//! inode  mode  uid  gid  links  time  file length  device (2)  of which device it is a node (2)  name length  0
//! name, NUL, zeros up to a multiple of 4; content, zeros up to a multiple of 4; at the end an entry "TRAILER!!!"
//! ```
//!
//! Where the format leaves a choice, it is GNU cpio's: inodes from 0, large digits, zeros up to a multiple of 512.

/// Kinds of entries, as in `st_mode`.
const FOLDER: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
const CHARACTER_DEVICE: u32 = 0o020_000;

/// Archives are made of blocks of this many bytes.
const BLOCK: usize = 512;

/// The name of the entry that ends an archive.
const TRAILER: &str = "TRAILER!!!";

/// An archive in the making; everything in it belongs to root.
#[derive(Debug)]
pub(super) struct Archive {
    bytes: Vec<u8>,
    time: u32,
    inode: u32,
}

/// More than the format can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the initial RAM filesystem is too large: a file of it has {0} bytes")]
pub struct TooLarge(usize);

/// What an entry is, but for its name and content.
struct Node {
    inode: u32,
    mode: u32,
    links: u32,
    time: u32,
    device: (u32, u32),
}

impl Archive {
    /// An empty archive, whose entries all have this time.
    pub(super) fn new(time: u32) -> Self {
        Self { bytes: Vec::new(), time, inode: 0 }
    }

    /// Adds a folder; those above it must be there.
    pub(super) fn folder(&mut self, path: &str) -> Result<(), TooLarge> {
        let node = Node { links: 2, ..self.node(FOLDER | 0o755) };
        self.entry(path, &node, &[])
    }

    /// Adds a file.
    pub(super) fn file(&mut self, path: &str, mode: u32, content: &[u8]) -> Result<(), TooLarge> {
        let node = self.node(FILE | mode);
        self.entry(path, &node, content)
    }

    /// Adds the node of a character device.
    pub(super) fn character_device(
        &mut self,
        path: &str,
        mode: u32,
        major: u32,
        minor: u32,
    ) -> Result<(), TooLarge> {
        let node = Node { device: (major, minor), ..self.node(CHARACTER_DEVICE | mode) };
        self.entry(path, &node, &[])
    }

    /// The bytes of the whole archive.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, TooLarge> {
        let node = Node { inode: 0, mode: 0, links: 1, time: 0, device: (0, 0) };
        self.entry(TRAILER, &node, &[])?;
        self.pad(BLOCK);
        Ok(self.bytes)
    }

    fn node(&mut self, mode: u32) -> Node {
        let inode = self.inode;
        self.inode += 1;
        Node { inode, mode, links: 1, time: self.time, device: (0, 0) }
    }

    fn entry(&mut self, path: &str, node: &Node, content: &[u8]) -> Result<(), TooLarge> {
        let length = |bytes: usize| u32::try_from(bytes).map_err(|_| TooLarge(bytes));
        let Node { inode, mode, links, time, device: (major, minor) } = *node;
        let (file, name) = (length(content.len())?, length(path.len() + 1)?);
        let numbers = [inode, mode, 0, 0, links, time, file, 0, 0, major, minor, name, 0];
        self.bytes.extend(b"070701");
        numbers.iter().for_each(|number| self.bytes.extend(format!("{number:08X}").bytes()));
        self.bytes.extend(path.bytes().chain([0]));
        self.pad(4);
        self.bytes.extend(content);
        self.pad(4);
        Ok(())
    }

    fn pad(&mut self, to: usize) {
        self.bytes.resize(self.bytes.len().next_multiple_of(to), 0);
    }
}
