//! The updater: looks for an update, writes it to the inactive set, checks it whole, and flips.
//!
//! One way through, each part in its module:
//!
//! ```text
//! args ─▶ config, host ─▶ session (metadata, manifest) ─▶ commands::choice ─▶ plan ─▶ install ─▶ staged
//! ```
//!
//! `commands::choice` and [`plan`] decide and do nothing; [`install`] does, in an order that its types hold; [`source`]
//! brings bytes, through [`http`] or from a bundle, that nobody trusts until `trust` or the tree has checked them, from whichever of the
//! [`mirrors`] has them. [`kept`] is what the next boot gets. The clock is read in one place.

pub mod address;
pub mod agent;
mod args;
pub mod boots;
mod commands;
pub mod config;
pub mod doctor;
pub mod error;
pub mod explain;
mod files;
pub mod health;
pub mod host;
pub mod http;
pub mod install;
pub mod kept;
pub mod limits;
pub mod mirrors;
pub mod output;
pub mod plan;
pub mod rehearsal;
pub mod seed;
pub mod seen;
pub mod session;
pub mod source;
pub mod staged;
mod within;

pub use args::Arguments;
pub use commands::run;
