//! Power that fails at every moment, disks that fail at every call, and what becomes of the host.
//!
//! ```text
//! our programs, traced ─▶ recording ─▶ moments ─▶ states ─▶ judge ─▶ the same command again ─▶ judge
//!                             └─▶ rules
//! ```
//!
//! Nothing in the programs knows of it. What they do is recorded where the kernel gets it ([`trace`], [`record`](mod@record)); of that the states are
//! put together that a crash may leave ([`state`]); the boot selector's own code starts a machine of each, and each must be one that a host may come to
//! ([`judge`]). What the code relies on is written down as [`rules`]. [`operation`] lists what is tried, [`inject`] lets calls fail, [`kill`] ends
//! programs at any time.

pub mod bed;
mod boot;
mod call;
mod chance;
mod event;
pub mod explore;
mod fault;
pub mod inject;
pub mod judge;
pub mod kill;
pub mod operation;
pub mod record;
pub mod rules;
mod sectors;
pub mod state;
pub mod trace;
mod tree;

pub use call::Deed;
pub use event::{Event, Kind, Naming, Node};
pub use explore::{Effort, Loss, Outcome};
pub use fault::{Fault, Plan, Site};
pub use record::Recording;
