//! Power that fails at every moment, disks that fail at every call, and what becomes of the host.
//!
//! ```text
//! our programs, traced ─▶ recording ─▶ moments ─▶ states ─▶ judge ─▶ the same command again ─▶ judge
//!                             └─▶ rules
//! ```
//!
//! Nothing in the programs knows of it. What they do is recorded where the kernel gets it ([`trace`], [`record`](mod@record)); of that the states are
//! put together that a crash may leave ([`moment`]); the boot selector's own code starts a machine of each, and each must be one that a host may come to
//! ([`judge`]). What the code relies on is written down as [`rules`]. [`operation`] lists what is tried, [`inject`] lets calls fail, [`kill`] ends
//! programs at any time.

mod again;
pub mod bed;
mod boot;
mod call;
mod chance;
pub mod choice;
mod event;
pub mod explore;
mod fault;
mod filing;
pub mod inject;
mod injection;
pub mod judge;
pub mod kill;
pub mod moment;
pub mod operation;
mod prepared;
pub mod record;
mod recording;
pub mod rules;
mod sectors;
pub mod task;
#[cfg(test)]
mod tests;
pub mod trace;
mod tree;

pub use call::Deed;
pub use event::{Event, Kind, Naming, Node};
pub use explore::{Effort, Loss, Outcome};
pub use fault::{Fault, Plan, Site};
pub use record::Recording;
