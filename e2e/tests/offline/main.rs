//! Without a network: bundles, and what is kept for the next boot.

#![allow(clippy::unwrap_used, clippy::panic)]

mod bundle;
mod files;
mod kept;
