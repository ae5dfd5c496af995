//! The ledger of boots: every cause, and what holds whatever happens.

#![allow(clippy::unwrap_used, clippy::panic)]

mod causes;
mod machine;
mod properties;
