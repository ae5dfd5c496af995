//! Both copies of a GUID partition table: read, validated, repaired and written so that power may fail at any time.
//!
//! ```text
//!  block 0     1          2 …              first usable … last usable        …          last
//!  ┌─────┬──────────┬───────────────┬───┬─────────────────────────────┬───┬───────────────┬──────────┐
//!  │ MBR │ primary  │ primary       │   │ partitions                  │   │ backup        │ backup   │
//!  │     │ header   │ entries       │   │                             │   │ entries       │ header   │
//!  └─────┴──────────┴───────────────┴───┴─────────────────────────────┴───┴───────────────┴──────────┘
//! ```
//!
//! Follows the UEFI specification 2.10, section 5.3 (GUID Partition Table Disk Layout), for blocks of 512 and 4096
//! bytes. The crate needs an allocator but no operating system: the selector that starts the machine reads tables
//! with the same code as the program that changes them.
//!
//! # Reading
//!
//! Everything on a disk may be hostile. A copy is taken only if all of its header and all of its entries hold
//! ([`Defect`] lists what is asked); its entries take at most [`MAX_ENTRIES_BYTES`]. [`Loaded::read`] says of each copy
//! whether it is good, stale or bad and why. **The primary copy wins if it is valid, else the backup copy is
//! taken.** That also holds when both are valid and differ, because
//!
//! * every other reader (firmware, kernels, other tools) decides so, and two readers that disagree about what
//!   boots are worse than either answer;
//! * a write that was cut between the two copies was not finished, so the old and the new state are both right
//!   answers, and the same answer comes every time.
//!
//! # Writing
//!
//! [`Loaded::write`] first writes the copy that reading would *not* take, flushes, then the one that it would, and flushes.
//! At every moment, whatever part of the blocks in flight arrived, one whole copy is on the disk: before the first
//! flush the one that is taken, after it the one that was written. The order is in `write.rs` and nowhere else.
//!
//! The protective MBR is neither asked for nor touched; only [`NewTable::write`] makes one.
//!
//! # Left out on purpose
//!
//! Partitions are not added to, moved in or removed from an existing table, and a backup copy that does not lie at the end of a
//! disk which has grown is used where it is ([`Table::backup_is_last`]). Bytes of a header block beyond the 92 that the
//! specification defines are written as zero.

#![no_std]

extern crate alloc;

mod block;
mod create;
mod defect;
mod entry;
mod fields;
mod guid;
mod header;
mod layout;
mod load;
mod part;
mod side;
mod table;
mod write;

pub use block::{BlockIo, BlockSize};
pub use create::{CreateError, NewPart, NewTable};
pub use defect::{Defect, EntryDefect, Fault};
pub use entry::{Attributes, Entry, NAME_UNITS};
pub use guid::{Guid, ParseGuidError};
pub use header::{MAX_ENTRIES_BYTES, MAX_ENTRY_COUNT, MAX_ENTRY_SIZE};
pub use layout::{Layout, LayoutError, PartRange, SetLayout};
pub use load::{Condition, Loaded, ReadError};
pub use part::PartType;
pub use side::Side;
pub use table::Table;
pub use write::WriteError;
