//! Settings on their whole way: migrations published, kept by `updog`, and run by `migrator` at the next boot.

#![allow(clippy::unwrap_used, clippy::panic)]

mod boot;
mod kept;
mod rehearsal;
mod world;
