//! A virtual machine with real firmware: QEMU without acceleration, OVMF, one process a boot.
//!
//! ```text
//! disk file ─→ QEMU ─→ OVMF ─→ selector ─→ image of a set ─→ verdict on the serial line
//! ```
//!
//! A boot has an end only if the guest says so: a line that the case waits for. Silence, a guest that went away and time that
//! ran out are failures, told with the end of what was said. Everything that is said is kept in a file.

mod case;
mod console;
mod disk;
mod kernel;
mod machine;
pub mod selector;

pub use case::{Bench, Case, Failure};
pub use console::Said;
pub use disk::{Content, TestDisk};
pub use kernel::StandIn;
pub use machine::{Bus, Machine};
