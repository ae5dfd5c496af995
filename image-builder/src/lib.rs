//! Builds images and disks: from a root filesystem to what a host boots.
//!
//! ```text
//! root filesystem ─→ root image ─→ hash tree ─→ boot image     build   (build-report.json beside them)
//!                        └───────────┴────────────┴──→ disk    disk
//! ```
//!
//! The same input gives the same bytes: times are those of the spec, identities come from names, and folders are
//! taken in the order of their names. Nothing needs root's rights or loop devices.
//!
//! EFI programs are signed for Secure Boot, if the spec says with what ([`sign`]).
//!
//! Left out on purpose: making the root filesystem itself (mmdebstrap and the like do), and publishing (repo-tools).

pub mod build;
pub mod disk;
pub mod filesystem;
pub mod initramfs;
pub mod inspect;
pub mod output;
pub mod rootfs;
pub mod selinux;
pub mod sign;
pub mod spec;
pub mod tool;
pub mod tree_file;
pub mod uki;

mod digest;
mod error;
mod identity;
mod transport;

pub use digest::Measured;
pub use error::{Error, FileError, Misfit, Misfits};
