//! Each attack of the TUF specification, and the faults of a store, against a repository in memory.
//!
//! A test says which error comes out *and* what stayed in the store.
#![allow(clippy::unwrap_used, clippy::panic)]

mod arbitrary;
mod clock;
mod delegations;
mod endless;
mod freeze;
mod keys;
mod malformed;
mod mix;
mod off;
mod rollback;
mod rotation;
mod simulator;
mod specification;
mod store;
mod world;
