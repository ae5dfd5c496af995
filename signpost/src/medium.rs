//! A disk as a partition table, whatever its partitions are for.

use std::fs::File;
use std::io;
use std::path::Path;

use gptdisk::{BlockIo, BlockSize, Condition, Fault, Loaded, ReadError, Side, Table};

use crate::blocks::{Blocks, Source};
use crate::node::Node;
use crate::uncached::Uncached;
use crate::{Access, Error};

/// An open disk with a table of which at least one copy is valid.
#[derive(Debug)]
pub struct Medium {
    node: Node,
    loaded: Loaded<io::Error>,
}

impl Medium {
    /// Opens a block device or a plain file and reads its partition table.
    ///
    /// A device says how large its blocks are; for a file, it is the size for which there is a table in it. What is on the medium
    /// counts: after a write that failed the page cache keeps what was to be written, and would be taken for it.
    ///
    /// # Errors
    ///
    /// Fails if it is missing, is neither a device nor a file, or has no valid table; with [`Access::Write`] also if
    /// somebody else is writing. Nothing is created or changed.
    pub fn open(path: &Path, access: Access) -> Result<Self, Error> {
        let node = Node::open(path, access)?;
        let fault = |source| Error::Open { path: path.to_owned(), source };
        let medium = Source::Medium(Uncached::reopen(&node.file).map_err(fault)?);
        let loaded = match node.block_size {
            Some(size) => read(&node, &medium, size),
            None => read_any(&node, &medium),
        };
        match loaded {
            Ok(loaded) => Ok(Self { node, loaded }),
            Err(source) => Err(Error::Table { path: path.to_owned(), source }),
        }
    }

    /// The name that the disk was opened by.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.node.path
    }

    /// The open disk, for reading and writing partitions.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.node.file
    }

    /// The length of the disk in bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.node.length
    }

    /// What the partition table says.
    #[must_use]
    pub fn table(&self) -> &Table {
        self.loaded.table()
    }

    /// The condition of one copy of the table.
    #[must_use]
    pub fn condition(&self, side: Side) -> &Condition<io::Error> {
        self.loaded.condition(side)
    }

    /// Whether both copies of the table are valid and say the same.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.loaded.is_whole()
    }

    /// Writes both copies of the table anew, in the safe order, and checks them past the cache.
    ///
    /// # Errors
    ///
    /// Fails if the disk was opened for reading, if it fails, or if it does not give back what was written.
    pub fn rewrite(&mut self) -> Result<(), Error> {
        let table = self.table().clone();
        self.write(&table)
    }

    /// Makes `table` what both copies say: written in the safe order, flushed, read past the cache, compared.
    pub(crate) fn write(&mut self, table: &Table) -> Result<(), Error> {
        if self.node.access == Access::Read {
            return Err(Error::ReadOnly { path: self.node.path.clone() });
        }
        *self.loaded.table_mut() = table.clone();
        let result = self.write_loaded().and_then(|()| self.check_written());
        if result.is_err() {
            // The same call again must not find its work done.
            self.loaded.distrust();
        }
        result
    }

    fn write_loaded(&mut self) -> Result<(), Error> {
        let Self { node, loaded } = self;
        let mut blocks = blocks(node, &Source::Cache, loaded.table().block_size());
        loaded.write(&mut blocks).map_err(|source| Error::Write { path: node.path.clone(), source })
    }

    fn check_written(&self) -> Result<(), Error> {
        let path = self.path();
        let medium = Uncached::reopen(self.file())
            .map_err(|source| Error::Open { path: path.to_owned(), source })?;
        let medium = Source::Medium(medium);
        let mut blocks = blocks(&self.node, &medium, self.table().block_size());
        compare(path, self.table(), &mut blocks)
    }
}

/// Reads both copies and finds out whether they say what was written.
fn compare(
    path: &Path,
    written: &Table,
    blocks: &mut impl BlockIo<Error = io::Error>,
) -> Result<(), Error> {
    let path = path.to_owned();
    match Loaded::read(blocks) {
        Ok(found) if found.is_whole() && found.table() == written => Ok(()),
        Ok(_) => Err(Error::ReadBack { path }),
        Err(source) => Err(Error::Table { path, source }),
    }
}

fn blocks<'a>(node: &'a Node, source: &'a Source, size: BlockSize) -> Blocks<'a> {
    Blocks::new(&node.file, source, size, node.length)
}

fn read(
    node: &Node,
    medium: &Source,
    size: BlockSize,
) -> Result<Loaded<io::Error>, ReadError<io::Error>> {
    Loaded::read(&mut blocks(node, medium, size))
}

/// Reads a table of either block size.
///
/// The places of the copies differ, so that both sizes fit only where an older table of the other size was left in part:
/// the one with a valid primary copy counts. The entries of a table for 512 bytes cover the place of the primary header of
/// one for 4096, so that a left-over one loses.
fn read_any(node: &Node, medium: &Source) -> Result<Loaded<io::Error>, ReadError<io::Error>> {
    let [small, large] = BlockSize::ALL.map(|size| read(node, medium, size));
    match (small, large) {
        (Ok(small), Ok(large)) if small.authority() > large.authority() => Ok(large),
        (Ok(small), _) => Ok(small),
        (Err(_), Ok(large)) => Ok(large),
        (Err(small), Err(large)) => Err(if is_blank(&small) { large } else { small }),
    }
}

/// Whether there was no trace of a table.
fn is_blank(error: &ReadError<io::Error>) -> bool {
    let blank =
        |fault: &Fault<io::Error>| matches!(fault, Fault::Invalid(gptdisk::Defect::Signature(_)));
    match error {
        ReadError::NoValidCopy { primary, backup } => blank(primary) && blank(backup),
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use gptdisk::{Guid, NewTable};

    use super::*;

    #[test]
    fn a_disk_that_gives_something_else_back_is_found_out() {
        const LENGTH: u64 = 1 << 20;
        let file = tempfile::tempfile().unwrap();
        file.set_len(LENGTH).unwrap();
        let mut blocks = Blocks::new(&file, &Source::Cache, BlockSize::B512, LENGTH);
        let path = Path::new("disk");
        let [old, new] = [1, 2].map(|byte| {
            let id = Guid::from_disk([byte; 16]);
            NewTable::new(BlockSize::B512, LENGTH, id).unwrap()
        });
        let error = compare(path, old.table(), &mut blocks).unwrap_err();
        assert!(matches!(error, Error::Table { .. }), "nothing was written: {error}");
        old.write(&mut blocks).unwrap();
        compare(path, old.table(), &mut blocks).unwrap();
        let error = compare(path, new.table(), &mut blocks).unwrap_err();
        assert!(matches!(error, Error::ReadBack { .. }), "the write was lost: {error}");
        let zeros = vec![0; 512];
        blocks.write_blocks(LENGTH / 512 - 1, &zeros).unwrap();
        let error = compare(path, old.table(), &mut blocks).unwrap_err();
        assert!(matches!(error, Error::ReadBack { .. }), "half of the write was lost: {error}");
    }
}
