//! Finds the partition sets of a disk and changes their boot bits durably.
//!
//! ```no_run
//! use std::path::Path;
//! use signpost::{Access, Disk, SystemRoot};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (path, active) = signpost::running_set(&SystemRoot::host())?;
//! let mut disk = Disk::open(&path, Access::Write)?;
//! let flipped = disk.state(active).rollback_to_inactive()?;
//! disk.store(&flipped)?;
//! # Ok(())
//! # }
//! ```
//!
//! What may change and what boots is decided by `gptprio`, what a partition table is by `gptdisk`; here are the
//! devices and files under them.
//!
//! # Invariants
//!
//! * Nothing is ever created: a missing device is an error, and so is whatever is neither a block device nor a plain file.
//! * One writer at a time: [`Access::Write`] holds an exclusive advisory lock on the disk (`flock`, as other tools for block
//!   devices do) until the [`Disk`] is dropped. Readers are not kept out: at every moment one copy of the table is whole.
//! * [`Disk::store`] returns when both copies were written in the safe order, flushed, read again past the page cache
//!   and found to say what was written.
//! * A table with one bad copy can be read ([`Disk::condition`] tells); the next store repairs it. With both bad,
//!   nothing is opened and nothing is written.
//!
//! # Reading past the cache
//!
//! Not only what was written is read so, but every table that is opened: Linux keeps the pages of a write that failed, and whoever
//! reads them takes the write for done, for instance a flip that the firmware will never see.
//!
//! The disk is opened a second time with `O_DIRECT`, through which a read comes from the device and not from the page
//! cache. Where the filesystem under a plain file does not know `O_DIRECT`, its pages are dropped with `posix_fadvise` after
//! they were flushed.

mod blocks;
mod disk;
mod error;
mod lock;
mod medium;
mod node;
mod pe;
pub mod program;
mod release;
mod running;
mod sysfs;
mod target;
mod uncached;

pub use disk::{Disk, Stored};
pub use error::Error;
pub use gptdisk::{
    BlockSize, Condition, Defect, Fault, Layout, LayoutError, PartRange, PartType, SetLayout, Side,
    Table,
};
pub use gptprio::{BootBits, Choice, Priority, Refusal, SetId, Sets, State, Tries, choose};
pub use medium::Medium;
pub use node::Access;
pub use release::Release;
pub use running::{RunningError, SystemRoot, running_set};
pub use target::{Target, TargetError};
