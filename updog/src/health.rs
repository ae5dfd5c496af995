//! Whether this boot is good: checks that are run, a decision, and the evidence of what went wrong before.
//!
//! ```text
//! units ─▶ checks ─▶ verdict ─▶ mark good │ restart │ stay up
//! ```
//!
//! [`verdict`] decides and does nothing. [`checks`] and [`units`] ask under one time limit, [`feeder`] keeps the watchdog quiet for
//! as long and no longer. [`evidence`] reads what the firmware and the kernel know about this boot and the last one, [`examine`] looks at a
//! set that failed.

pub mod checks;
pub mod evidence;
pub mod examine;
pub mod feeder;
mod limited;
pub mod restart;
pub mod units;
pub mod verdict;

pub use limited::Deadline;
