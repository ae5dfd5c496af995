//! Where everything lies: a function of the tree, before any content is read.

use std::collections::{BTreeMap, HashMap};

use super::attributes::SharedLabels;
use super::directory::{Directory, Entry};
use super::node::{Node, count, kind};
use super::{BLOCK, ErofsError, FIRST_INODE, SLOT};
use crate::filesystem::FilesystemError;
use crate::rootfs::{Inode, InodeKind, RootPath, Tree};

/// All inodes with their places.
pub(super) struct Plan<'a> {
    /// In the order of their first names; the root is the first.
    pub(super) nodes: Vec<Node<'a>>,
    /// What lies in blocks of its own behind the inodes.
    pub(super) labels: SharedLabels,
    /// Blocks of the image.
    pub(super) blocks: u32,
    /// Bytes of superblock and inodes.
    metadata: usize,
}

impl<'a> Plan<'a> {
    pub(super) fn of(tree: &'a Tree) -> Result<Self, FilesystemError> {
        let names = Names::of(tree);
        let inodes = names.inodes.iter().map(|(_, inode)| *inode);
        let labels = SharedLabels::of(inodes).map_err(|why| wrong(&RootPath::root(), why))?;
        let mut nodes = Vec::new();
        for (index, (path, inode)) in names.inodes.iter().enumerate() {
            let directory = names.directories.get(&index).cloned().unwrap_or_default();
            let links = names.links.get(&index).copied().unwrap_or(1);
            let node = Node::new(inode, links, Directory::new(directory), &labels);
            nodes.push(node.map_err(|why| wrong(path, why))?);
        }
        let mut plan = Self { nodes, labels, blocks: 0, metadata: FIRST_INODE };
        plan.place_inodes();
        plan.place_blocks().map_err(|why| wrong(&RootPath::root(), why))?;
        Ok(plan)
    }

    /// Blocks of superblock and inodes.
    pub(super) fn metadata_blocks(&self) -> usize {
        self.metadata.div_ceil(BLOCK)
    }

    /// Blocks of the labels, behind those.
    pub(super) fn label_blocks(&self) -> usize {
        self.labels.encoded.len().div_ceil(BLOCK)
    }

    /// The content of a folder or a link.
    pub(super) fn body(&self, node: &Node<'_>) -> Vec<u8> {
        match &node.inode.kind {
            InodeKind::Directory => node.directory.encode(|index| self.nodes[index].number()),
            InodeKind::Symlink(target) => target.clone(),
            _ => Vec::new(),
        }
    }

    /// The end of a content that lies beside its inode.
    pub(super) fn tail(&self, node: &Node<'_>) -> Vec<u8> {
        if node.tail == 0 {
            return Vec::new();
        }
        let body = self.body(node);
        body[body.len() - node.tail..].to_vec()
    }

    /// Inodes follow each other; none that fits into a block crosses the end of one, since what lies beside it must not.
    fn place_inodes(&mut self) {
        let mut next = FIRST_INODE;
        for node in &mut self.nodes {
            let end = usize::try_from(node.size % count(BLOCK)).expect("less than a block");
            let beside = matches!(node.inode.kind, InodeKind::Directory | InodeKind::Symlink(_));
            node.tail = if beside && node.head() + end <= BLOCK { end } else { 0 };
            let length = node.head() + node.tail;
            if length > BLOCK - next % BLOCK {
                next = next.next_multiple_of(BLOCK);
            }
            node.offset = next;
            next = (next + length).next_multiple_of(SLOT);
        }
        self.metadata = next;
    }

    fn place_blocks(&mut self) -> Result<(), ErofsError> {
        let mut next = count(self.metadata_blocks() + self.label_blocks());
        for node in &mut self.nodes {
            let blocks = (node.size - count(node.tail)).div_ceil(count(BLOCK));
            if blocks > 0 {
                node.first_block = u32::try_from(next).map_err(|_| ErofsError::Large)?;
            }
            next = next.checked_add(blocks).ok_or(ErofsError::Large)?;
        }
        self.blocks = u32::try_from(next).map_err(|_| ErofsError::Large)?;
        Ok(())
    }
}

fn wrong(path: &RootPath, why: ErofsError) -> FilesystemError {
    FilesystemError::Erofs { path: path.clone(), source: why }
}

/// What the names of a tree say: inodes in order, contents of folders, numbers of links.
struct Names<'a> {
    inodes: Vec<(&'a RootPath, &'a Inode)>,
    directories: HashMap<usize, Vec<Entry<'a>>>,
    links: HashMap<usize, u32>,
}

impl<'a> Names<'a> {
    fn of(tree: &'a Tree) -> Self {
        let mut names =
            Self { inodes: Vec::new(), directories: HashMap::new(), links: HashMap::new() };
        let mut index_of = HashMap::new();
        let mut folders: BTreeMap<RootPath, usize> = BTreeMap::new();
        for (path, number, inode) in tree.entries() {
            let index = *index_of.entry(number).or_insert_with(|| {
                names.inodes.push((path, inode));
                names.inodes.len() - 1
            });
            let (_, kind) = kind(&inode.kind);
            let folder = path.parent().and_then(|parent| folders.get(&parent).copied());
            let folder = folder.unwrap_or(index); // the root lies in itself
            if path.parent().is_some() {
                names.enter(folder, Entry { name: path.name(), node: index, kind });
            }
            if matches!(inode.kind, InodeKind::Directory) {
                folders.insert(path.clone(), index);
                names.enter(index, Entry { name: b".", node: index, kind });
                names.enter(index, Entry { name: b"..", node: folder, kind });
            }
        }
        names
    }

    /// Puts a name into a folder; `..` counts for the folder that it leads to.
    fn enter(&mut self, folder: usize, entry: Entry<'a>) {
        *self.links.entry(entry.node).or_insert(0) += 1;
        self.directories.entry(folder).or_default().push(entry);
    }
}
