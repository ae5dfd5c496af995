//! What the programs share at their edge: exit codes, the error chain, progress and JSON.
//!
//! Nothing here decides anything. A program's `main` is one line, its body returns an [`Outcome`] or an
//! error that says of which [`Kind`] it is, and [`run`] prints and maps it.

mod exit;
mod progress;
mod quantity;

pub use exit::{Classify, Kind, Outcome, chain, parse_or_exit, print_json, report, run};
pub use progress::Progress;
pub use quantity::{ByteCount, Elapsed, NoByteCount};
