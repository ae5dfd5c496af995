//! The tree of names, and what they stand for.

use std::collections::{BTreeMap, HashSet};

use super::{Content, RootPath};

/// A root filesystem in memory, without the contents.
///
/// Every path but the root has a folder above it. Several paths may stand for one inode (hard links).
#[derive(Clone, Debug)]
pub struct Tree {
    inodes: Vec<Inode>,
    paths: BTreeMap<RootPath, usize>,
}

/// What a name stands for.
#[derive(Clone, Debug)]
pub struct Inode {
    /// Owner, mode, attributes.
    pub metadata: Metadata,
    /// Its kind.
    pub kind: InodeKind,
}

/// Owner, mode, attributes. Times are those of the build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The lower twelve bits of the mode.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Extended attributes.
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// The kind of an inode.
#[derive(Clone, Debug)]
pub enum InodeKind {
    /// A folder.
    Directory,
    /// A file.
    File(Content),
    /// A symbolic link, to this.
    Symlink(Vec<u8>),
    /// A character device.
    CharacterDevice(Device),
    /// A block device.
    BlockDevice(Device),
    /// A named pipe.
    Fifo,
}

/// The numbers of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device {
    /// Major number.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
}

/// A place that an entry cannot have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// Something on the way is a symbolic link.
    #[error("it lies behind the symbolic link {0}")]
    BehindSymlink(RootPath),
    /// Something on the way is not a folder.
    #[error("{0} is no folder")]
    NotFolder(RootPath),
    /// The root is to become something else.
    #[error("the root of the filesystem must be a folder")]
    Root,
    /// The other end of a hard link is missing.
    #[error("it is a hard link to {0}, which is not there")]
    NoTarget(RootPath),
    /// The other end of a hard link is a folder.
    #[error("it is a hard link to the folder {0}")]
    FolderTarget(RootPath),
}

impl Default for Tree {
    fn default() -> Self {
        let root = Inode {
            metadata: Metadata { mode: 0o755, ..Metadata::default() },
            kind: InodeKind::Directory,
        };
        Self { inodes: vec![root], paths: BTreeMap::from([(RootPath::root(), 0)]) }
    }
}

impl Tree {
    /// Puts an inode to a path. What was there is replaced; a folder that stays one keeps what is in it.
    ///
    /// # Errors
    ///
    /// Refuses a path whose folder is not a folder.
    pub fn insert(&mut self, path: &RootPath, mut inode: Inode) -> Result<(), TreeError> {
        self.make_way(path)?;
        if !matches!(inode.kind, InodeKind::Directory) {
            if path.parent().is_none() {
                return Err(TreeError::Root);
            }
            self.remove(path);
        }
        if matches!(inode.kind, InodeKind::Symlink(_)) {
            inode.metadata.mode = 0o777; // it means nothing, and archives differ
        }
        self.inodes.push(inode);
        self.paths.insert(path.clone(), self.inodes.len() - 1);
        Ok(())
    }

    /// Makes `path` another name of what `target` stands for.
    ///
    /// # Errors
    ///
    /// Refuses a target that is missing or a folder, and a path whose folder is not a folder.
    pub fn link(&mut self, path: &RootPath, target: &RootPath) -> Result<(), TreeError> {
        let index = *self.paths.get(target).ok_or_else(|| TreeError::NoTarget(target.clone()))?;
        if matches!(self.inodes[index].kind, InodeKind::Directory) {
            return Err(TreeError::FolderTarget(target.clone()));
        }
        self.make_way(path)?;
        if path != target {
            self.remove(path);
            self.paths.insert(path.clone(), index);
        }
        Ok(())
    }

    /// Removes a path and everything below it; the root keeps itself.
    pub(crate) fn remove(&mut self, path: &RootPath) {
        self.clear(path);
        if path.parent().is_some() {
            self.paths.remove(path);
        }
    }

    /// Removes everything below a path.
    pub(crate) fn clear(&mut self, path: &RootPath) {
        let below: Vec<RootPath> = self.below(path).cloned().collect();
        for path in below {
            self.paths.remove(&path);
        }
    }

    /// What a path stands for; a symbolic link stands for itself.
    pub fn inode(&self, path: &RootPath) -> Option<&Inode> {
        self.paths.get(path).map(|index| &self.inodes[*index])
    }

    /// All paths with what they stand for, and a number that only the names of one inode share; a folder comes before
    /// what is in it.
    pub fn entries(&self) -> impl Iterator<Item = (&RootPath, usize, &Inode)> {
        self.paths.iter().map(|(path, index)| (path, *index, &self.inodes[*index]))
    }

    /// Gives every inode once, with its first path, to be changed.
    pub(crate) fn change_each(&mut self, mut change: impl FnMut(&RootPath, &mut Inode)) {
        let mut seen = HashSet::new();
        for (path, index) in &self.paths {
            if seen.insert(*index) {
                change(path, &mut self.inodes[*index]);
            }
        }
    }

    /// All paths below a folder.
    fn below<'a>(&'a self, folder: &'a RootPath) -> impl Iterator<Item = &'a RootPath> + 'a {
        // Names of other folders may lie between, since '/' is not the smallest byte.
        let with_prefix = |path: &&RootPath| path.as_bytes().starts_with(folder.as_bytes());
        let paths = self.paths.range(folder.clone()..).map(|(path, _)| path);
        paths.take_while(with_prefix).filter(|path| path.is_below(folder))
    }

    /// Sees to it that every folder above `path` is one; those that nobody named belong to root.
    fn make_way(&mut self, path: &RootPath) -> Result<(), TreeError> {
        let ancestors: Vec<RootPath> = path.ancestors().collect();
        for folder in ancestors {
            match self.inode(&folder).map(|inode| &inode.kind) {
                Some(InodeKind::Directory) => {}
                Some(InodeKind::Symlink(_)) => return Err(TreeError::BehindSymlink(folder)),
                Some(_) => return Err(TreeError::NotFolder(folder)),
                None => {
                    let metadata = Metadata { mode: 0o755, ..Metadata::default() };
                    self.inodes.push(Inode { metadata, kind: InodeKind::Directory });
                    self.paths.insert(folder, self.inodes.len() - 1);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RootPath {
        RootPath::parse(text.as_bytes()).expect("a plain path")
    }

    fn inode(kind: InodeKind) -> Inode {
        Inode { metadata: Metadata::default(), kind }
    }

    fn file(text: &str) -> Inode {
        inode(InodeKind::File(Content::Bytes(text.as_bytes().into())))
    }

    fn names(tree: &Tree) -> Vec<String> {
        tree.entries().map(|(path, ..)| path.to_string()).collect()
    }

    #[test]
    fn folders_that_nobody_named_are_made() {
        let mut tree = Tree::default();
        tree.insert(&path("a/b/c"), file("")).expect("a free place");
        assert_eq!(names(&tree), ["/", "/a", "/a/b", "/a/b/c"]);
    }

    #[test]
    fn nothing_is_put_behind_a_symbolic_link() {
        let mut tree = Tree::default();
        tree.insert(&path("etc"), inode(InodeKind::Symlink(b"/etc".to_vec()))).expect("a link");
        let refused = Err(TreeError::BehindSymlink(path("etc")));
        assert_eq!(tree.insert(&path("etc/passwd"), file("x")), refused);
        tree.insert(&path("x"), file("")).expect("a file");
        assert_eq!(tree.link(&path("etc/passwd"), &path("x")), refused);
        assert_eq!(tree.insert(&path("x/y"), file("")), Err(TreeError::NotFolder(path("x"))));
    }

    #[test]
    fn hard_links_keep_what_they_were_made_of() {
        let mut tree = Tree::default();
        tree.insert(&path("a"), file("old")).expect("a file");
        tree.link(&path("b"), &path("a")).expect("a link");
        let numbers = |tree: &Tree| tree.entries().map(|(_, number, _)| number).collect::<Vec<_>>();
        assert_eq!(numbers(&tree)[1], numbers(&tree)[2]);
        tree.insert(&path("a"), file("new")).expect("replaces");
        assert_ne!(numbers(&tree)[1], numbers(&tree)[2]);
        assert_eq!(tree.link(&path("c"), &path("none")), Err(TreeError::NoTarget(path("none"))));
        assert_eq!(tree.link(&path("c"), &path("")), Err(TreeError::FolderTarget(path(""))));
    }

    #[test]
    fn a_file_in_place_of_a_folder_takes_all_below_with_it() {
        let mut tree = Tree::default();
        for name in ["a/x", "a/y/z", "a.b", "a-c/d", "b"] {
            tree.insert(&path(name), file("")).expect("a free place");
        }
        tree.insert(&path("a"), file("")).expect("replaces");
        assert_eq!(names(&tree), ["/", "/a", "/a-c", "/a-c/d", "/a.b", "/b"]);
        assert_eq!(tree.insert(&path(""), file("")), Err(TreeError::Root));
    }

    #[test]
    fn a_folder_named_again_keeps_what_is_in_it() {
        let mut tree = Tree::default();
        tree.insert(&path("a/x"), file("")).expect("a free place");
        let mut folder = inode(InodeKind::Directory);
        folder.metadata.mode = 0o700;
        tree.insert(&path("a"), folder).expect("a folder again");
        assert_eq!(names(&tree), ["/", "/a", "/a/x"]);
        assert_eq!(tree.inode(&path("a")).map(|inode| inode.metadata.mode), Some(0o700));
    }
}
