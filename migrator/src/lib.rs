//! Carries a host's settings between versions, at boot and offline, before anything reads them.
//!
//! ```text
//! program ─▶ migrate ─▶ links (which version?) ─▶ repository (what was kept, verified) ─▶ chain (which migrations?)
//!                   └─▶ work (copy, run each, check) ─▶ flip (links)
//! ```
//!
//! [`chain`] decides and does nothing; [`migrate`](mod@migrate) does, in an order that it states, and whose every step may be the last one before the power
//! is cut. What lies in a store is `datastore`'s; this crate knows versions, links and migrations.
//!
//! The promise, in one sentence: **`current` leads to a whole store, that of before or that of after, whatever happens when.**

pub mod chain;
mod confine;
mod copy;
mod error;
pub mod flip;
mod folder;
pub mod links;
pub mod migrate;
mod name;
mod repository;
mod run;
mod sealed;
pub mod sweep;
mod work;

pub use error::{Error, Result};
pub use folder::{Access, Folder};
pub use migrate::{Outcome, Report, Request, Step, migrate};
pub use name::StoreName;
pub use repository::{Repository, Source};
pub use run::{Limits, Log};
pub use sealed::Sealed;
