//! Carries a host's settings between versions, at boot and offline, before anything reads them.
//!
//! ```text
//! program ─▶ migrate ─▶ links (which version?) ─▶ repository (what was kept, verified) ─▶ chain (which migrations?)
//!                   └─▶ work (read or copy, run each, check, write) ─▶ flip (links)
//! ```
//!
//! A version that has settings of its own returns to them: [`returning`] keeps [`aside`] what was changed since, [`listing`] tells of it, and [`carry`](mod@carry) brings it
//! back.
//!
//! [`chain`] decides and does nothing; [`migrate`](mod@migrate) does, in an order that it states, and whose every step may be the last one before the power
//! is cut. What lies in a store is `datastore`'s; this crate knows versions, links and migrations.
//!
//! The promise, in one sentence: **`current` leads to a whole store, that of before or that of after, whatever happens when.**

pub mod aside;
pub mod carry;
pub mod chain;
pub mod changes;
mod confine;
mod copy;
mod error;
pub mod flip;
mod folder;
pub mod links;
pub mod listing;
pub mod migrate;
mod name;
pub mod program;
mod ready;
mod remove;
mod repository;
pub mod returning;
mod run;
mod sealed;
mod secrets;
mod shown;
mod stream;
pub mod sweep;
mod work;

pub use error::{Error, Result};
pub use folder::{Access, Folder};
pub use migrate::{KeptAside, Mode, Outcome, Report, Request, Step, migrate};
pub use name::StoreName;
pub use repository::{Repository, Source};
pub use run::{Limits, Log};
pub use sealed::Sealed;
pub use shown::{Becomes, Secrets, Shown};
