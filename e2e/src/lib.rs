//! What the whole-path tests stand on: a release made for real, a repository that serves it, and a
//! server that misbehaves on command.
//!
//! The tests are in `tests/`, one file a theme, named after the damage. Nothing here is used by a program.

pub mod cut;
pub mod hostile;
pub mod programs;
pub mod vm;
pub mod world;
