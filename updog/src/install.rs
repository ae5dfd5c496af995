//! The steps that put a release on the disk, each taking the proof that the step before it gave.
//!
//! ```text
//! clear ──Cleared──▶ write_and_check ──Checked──▶ mark_valid
//! ```
//!
//! A proof can only be made by its step, so the wrong order does not compile. Until `mark_valid` has
//! returned, the inactive set cannot boot; `mark_valid` itself leaves its priority at zero, so that it
//! boots only after it was activated. Each step flushes before it returns, and each may be cut by a power
//! failure and run again from the first.

mod blocks;
mod check;
mod decode;
mod deliver;
mod region;
mod settling;
mod steps;
mod writer;

pub use blocks::{Assembly, DeltaError, Forecast, Found, Running, Source, Tally};
pub use check::{CheckError, check_set};
pub use decode::{DecodeError, Measured};
pub use deliver::Downloads;
pub use region::Region;
pub use steps::{Checked, Cleared, InstallError, Watch, clear, mark_valid, write_and_check};
