//! The program that the kernel starts first: it finds the set, verifies its root, mounts it and starts what is in it.
//!
//! ```text
//! kernel image of set A or B
//!   command line ── waystone.verity=… rootfstype=… ─┐
//!   initial RAM filesystem                          ↓
//!     modules → watchdog → which set? → which disk? → dm-verity → mount, read-only → /sbin/init
//!                             ↑             ↑             ↓
//!                   variable of the      partition     a block that does not verify:
//!                   boot selector         table         panic, restart, a try less
//! ```
//!
//! # Invariants
//!
//! * No root is mounted but one whose every block the kernel verifies against the root hash on the command line, which is
//!   a part of the kernel image that was started.
//! * The program writes to no disk: it has no code for that.
//! * Whatever fails, one line says what, and the machine restarts, so that a set which does not start spends its tries and
//!   gives way to the other. There is no shell, and nothing is asked.
//!
//! # Left out on purpose
//!
//! Udev, a choice of drivers by hardware, other disks than the system's, and everything that the root filesystem's own first program can
//! do: it gets `/proc`, `/sys` and `/dev` and nothing else.

pub mod boot;
pub mod booted_set;
pub mod command_line;
pub mod console;
pub mod device_mapper;
pub mod failure;
pub mod kernel_table;
pub mod modules;
pub mod mounts;
pub mod place;
mod read_only;
pub mod search;
pub mod system;
pub mod timer;
