//! Repositories as authors make them, and as clients see them: ours, tough's, python-tuf's.
#![allow(clippy::unwrap_used, clippy::panic)]

mod checkup;
mod clients;
mod frames;
mod half_published;
mod keys;
mod migrations;
mod mirror;
mod packs;
mod program;
mod refusals;
mod releases;
mod upkeep;
mod world;
