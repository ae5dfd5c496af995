//! A disk with its sets.

use std::fs::File;
use std::io;
use std::path::Path;

use gptdisk::{Condition, Layout, PartRange, Side, Table};
use gptprio::{BootBits, EVER_SUCCEEDED, SetId, Sets, State};

use crate::{Access, Error, Medium, Release};

/// An open disk whose partitions make one or two sets.
#[derive(Debug)]
pub struct Disk {
    medium: Medium,
    layout: Layout,
}

/// What storing a state came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// The disk said it already, in both copies: nothing was written.
    Unchanged,
    /// The bits were the same, but a copy of the table was not whole: both were written.
    Repaired,
    /// The bits changed and both copies were written.
    Written,
}

impl Disk {
    /// Opens a block device or a plain file as [`Medium::open`] does, and finds its sets.
    ///
    /// # Errors
    ///
    /// Fails as [`Medium::open`] does, and if the partitions do not make sets, saying which is missing or doubled.
    pub fn open(path: &Path, access: Access) -> Result<Self, Error> {
        let medium = Medium::open(path, access)?;
        let layout = Layout::of(medium.table())
            .map_err(|source| Error::Layout { path: path.to_owned(), source })?;
        Ok(Self { medium, layout })
    }

    /// The name that the disk was opened by.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.medium.path()
    }

    /// The open disk, for reading and writing partitions; under [`Access::Write`] it holds the lock.
    #[must_use]
    pub fn file(&self) -> &File {
        self.medium.file()
    }

    /// The length of the disk in bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.medium.length()
    }

    /// Which partition is which part of which set.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The condition of one copy of the partition table.
    #[must_use]
    pub fn condition(&self, side: Side) -> &Condition<io::Error> {
        self.medium.condition(side)
    }

    /// The disk as a partition table.
    #[must_use]
    pub fn medium(&self) -> &Medium {
        &self.medium
    }

    /// The boot bits of the sets.
    #[must_use]
    pub fn sets(&self) -> Sets {
        let bits =
            |set| self.layout.set(set).map(|layout| boot_bits(self.medium.table(), layout.boot));
        Sets { a: bits(SetId::A).unwrap_or(BootBits::CLEAR), b: bits(SetId::B) }
    }

    /// Whether some boot has ever succeeded on this disk; `None` if there is no private partition to remember it.
    #[must_use]
    pub fn ever_succeeded(&self) -> Option<bool> {
        let private = self.layout.private?;
        Some(attributes(self.medium.table(), private) & EVER_SUCCEEDED != 0)
    }

    /// The state of the disk while `active` runs.
    #[must_use]
    pub fn state(&self, active: SetId) -> State {
        State { sets: self.sets(), active, ever_succeeded: self.ever_succeeded().unwrap_or(false) }
    }

    /// What the kernel image of a set says which release it is; `None` if it says nothing that is safe to show.
    #[must_use]
    pub fn release(&self, set: SetId) -> Option<Release> {
        Release::read(self.file(), self.layout.set(set)?.boot)
    }

    /// Whether storing a state would change a bit.
    ///
    /// # Errors
    ///
    /// Fails if the disk has no place for what the state says, as [`Disk::store`] would.
    pub fn would_change(&self, state: &State) -> Result<bool, Error> {
        Ok(&self.table_with(state)? != self.medium.table())
    }

    /// Puts a state on the disk, durably: both copies of the table are written in the safe order, flushed, read back
    /// past the cache and compared. Nothing is written if the disk says it already and both copies are whole.
    ///
    /// # Errors
    ///
    /// Fails if the disk was opened for reading, has no place for what the state says, fails, or does not give back what was
    /// written. The same call may be made again.
    pub fn store(&mut self, state: &State) -> Result<Stored, Error> {
        let wanted = self.table_with(state)?;
        let changed = &wanted != self.medium.table();
        if !changed && self.medium.is_whole() {
            return Ok(Stored::Unchanged);
        }
        self.medium.write(&wanted)?;
        Ok(if changed { Stored::Written } else { Stored::Repaired })
    }

    /// Writes both copies of the table anew with the bits that they have.
    ///
    /// # Errors
    ///
    /// As [`Disk::store`].
    pub fn rewrite(&mut self) -> Result<(), Error> {
        self.medium.rewrite()
    }

    /// The table with the bits of a state in it.
    fn table_with(&self, state: &State) -> Result<Table, Error> {
        let mut table = self.medium.table().clone();
        for set in SetId::ALL {
            match (self.layout.set(set), state.sets.bits(set)) {
                (Some(layout), Some(bits)) => {
                    set_attributes(&mut table, layout.boot, |old| bits.write_to(old));
                }
                (None, None) => {}
                _ => return Err(Error::OtherSets { path: self.path().to_owned(), set }),
            }
        }
        match self.layout.private {
            Some(private) if state.ever_succeeded => {
                set_attributes(&mut table, private, |old| old | EVER_SUCCEEDED);
            }
            Some(private) => set_attributes(&mut table, private, |old| old & !EVER_SUCCEEDED),
            None if state.ever_succeeded => {
                return Err(Error::NoPrivate { path: self.path().to_owned() });
            }
            None => {}
        }
        Ok(table)
    }
}

fn boot_bits(table: &Table, boot: PartRange) -> BootBits {
    BootBits::from_attributes(attributes(table, boot))
}

fn attributes(table: &Table, part: PartRange) -> u64 {
    table.partition(part.index).expect("a layout names partitions of its table").attributes
}

fn set_attributes(table: &mut Table, part: PartRange, change: impl FnOnce(u64) -> u64) {
    let changed = change(attributes(table, part));
    let done = table.set_attributes(part.index, changed);
    debug_assert!(done, "a layout names partitions of its table");
}
