//! How much memory the worst metadata within the usual limits takes: at most 32 MiB, signed or not.
#![allow(clippy::unwrap_used)]

mod allocator;
mod metadata;
mod search;
