//! What is seen of a host that updates itself: by who watches many hosts, and by who looks at one.
//!
//! ```text
//! disk, ledger, agent ─▶ Snapshot ─▶ metrics (text for Prometheus) ─▶ http, or a file for node exporter
//! what just happened  ─▶ journal::Event ─▶ journald, or standard error
//! ```
//!
//! [`Snapshot`] is filled by whoever knows; nothing here reads a disk or a clock, or decides anything. What is unknown is left
//! out, and never told as zero.
//!
//! # Invariants
//!
//! * Names of metrics and ids of messages do not change: rules and searches of others hold on to them.
//! * Who watches never holds up who updates: nothing here waits long for a reader.

pub mod http;
pub mod journal;
pub mod metrics;
mod snapshot;
mod state;

pub use snapshot::{Attempts, Check, Restart, SetFacts, Snapshot, Source};
pub use state::StateName;
