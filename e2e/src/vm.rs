//! A virtual machine: QEMU without acceleration, with real firmware or a kernel put into its memory, one process a boot.
//!
//! ```text
//! disk file ─→ QEMU ─→ OVMF ─→ selector ─→ image of a set ─→ verdict on the serial line
//!                └───────────→ Debian's kernel, our initial RAM filesystem, a tiny root ─┘
//! ```
//!
//! A boot has an end only if the guest says so: a line that the case waits for. Silence, a guest that went away and time that
//! ran out are failures, told with the end of what was said. Everything that is said is kept in a file.

mod agent;
mod all;
mod bad_release;
mod case;
mod console;
mod debian;
mod debian_root;
mod disk;
mod expect;
mod failing;
mod faults;
mod health;
mod host;
mod host_files;
pub mod initramfs;
mod kernel;
mod last_words;
mod layout;
mod machine;
mod migrations;
mod monitor;
mod power;
mod record;
mod release;
mod repository;
pub mod secure_boot;
pub mod selector;
pub mod selinux;
mod settings;
mod system;
mod system_disk;
mod tiny_root;
mod update;
mod write_log;

pub use all::{Trial, all};
pub use case::{Bench, Case, Failure, Places};
pub use console::Said;
pub use disk::{Content, TestDisk};
pub use kernel::StandIn;
pub use machine::{Bus, End, GUEST, Kernel, Machine, ORDERS, SERVER};
pub use system::{System, SystemBench};
