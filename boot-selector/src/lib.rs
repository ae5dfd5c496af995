//! Starts the set that the partition table says, and the other one when that does not work.
//!
//! ```text
//! firmware ─→ selector ─→ kernel image of set A or B ─→ kernel
//!               │ ↑
//!               ↓ │  both copies of the partition table
//!              disk
//! ```
//!
//! The program is a loop over a [`Firmware`]: the real one is UEFI (in `main.rs`), the one of the tests a few vectors. What
//! it decides is decided by `gptprio`, what a partition table is by `gptdisk`, the same code that `signpost` runs.
//!
//! # What [`run`] does
//!
//! 1. Reads both copies of the partition table of the disk that the selector was started from.
//! 2. Chooses a set ([`gptprio::start`]) and says on the console which one and why.
//! 3. Writes both copies, if a try was spent or a copy was not good, and flushes. If that fails, a set that was
//!    proven good is started nevertheless, with a warning; one that still has to prove itself is not, because it might be
//!    started without end.
//! 4. Reads the kernel image at the start of the set's boot partition, as long as its own headers say ([`image_length`]), compares
//!    it with its own checksum ([`check_image`]), and has the firmware load it, which checks its signature if Secure Boot is
//!    on. The image gets no options.
//! 5. Leaves a [`Handover`] for userland in two volatile variables, and starts the image.
//! 6. Whatever goes wrong from 3 on: the other set, if it is bootable, is next, from 2.
//! 7. When no bootable set is left it says so and tries what is left of the sets that are not bootable by their bits,
//!    without changing any: those that were proven good before those that were not, then by falling priority, then in
//!    the order of the table.
//! 8. When nothing is left it gives up ([`Stop`]), and the firmware goes on with its next boot option.
//!
//! # Invariants
//!
//! * No image is started before the start is counted on the medium, but a successful set on a disk that cannot be written.
//! * Each set is tried at most once between power-on and giving up, so that it ends.
//! * No byte of the boot partition that its image does not claim reaches the firmware.
//! * Nothing that a disk holds makes it panic.
//!
//! # Left out on purpose
//!
//! Other disks than the one it was started from, menus, settings and keys: what boots is decided by whoever may write the
//! partition table. Only boot partitions are asked for, so a disk whose other partitions do not make up whole sets is started all
//! the same.

#![no_std]

extern crate alloc;

mod firmware;
mod image;
mod places;
mod select;
mod trouble;

pub use firmware::Firmware;
pub use handover::{Handover, NotStarted, Rule, TableNote, Variable};
pub use image::{ImageDefect, check_image, image_length};
pub use places::Places;
pub use select::run;
pub use trouble::{Stop, Trouble};
