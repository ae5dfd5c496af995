//! What was attempted on this host, what came of it, and why: the ledger of boots.
//!
//! An *attempt* is one installation of a version in a set, from the moment at which it is made to boot next until another
//! installation takes its place. It is noted by `update-apply`, and by `updog health` for what was installed otherwise.
//!
//! ```text
//! update-apply ─▶ waiting ─start─▶ unproven ─checks pass─▶ good
//!                    │               │  ▲                   │
//!                    │               │  └──────start────────┤
//!                    ▼               ▼                      ▼
//!          another set runs now: failed, with the cause   spent, gave way: failed
//!          the operator went back: withdrawn
//! ```
//!
//! [`Ledger`] and what is done to it are plain values; [`mod@file`] keeps it where both sets find it.
//!
//! # Invariants
//!
//! * A version whose last attempt failed is not taken again until an operator clears it.
//! * A failure that an operator has not cleared is the last thing to be forgotten when the ledger is full.
//! * Whatever is noted twice for the same boot changes nothing the second time.

mod attempt;
mod cause;
pub mod file;
mod ledger;
mod panic;
mod record;
mod start;

pub use attempt::{Attempt, Outcome};
pub use cause::{Cause, Finding, in_one_line};
pub use file::LedgerError;
pub use ledger::{Ledger, Left, MAX_ATTEMPTS, Running};
pub use record::{KnownRecords, PanicRecord};
pub use start::Seen;
