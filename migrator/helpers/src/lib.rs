//! What a migration is written with.
//!
//! A migration is a program that an operating system publishes beside a release. It reads a data store and makes another one, forward to the settings of
//! the release or back to those of before. With this crate it is a list of [`Change`]s:
//!
//! ```no_run
//! use migration::{Change, key};
//!
//! fn main() -> std::process::ExitCode {
//!     migration::run(|| Ok(vec![
//!         Change::rename(key("settings.host.name")?, key("settings.network.hostname")?),
//!         Change::add(key("settings.ntp.enabled")?, true),
//!     ]))
//! }
//! ```
//!
//! It is called `--forward|--backward --source-datastore PATH --target-datastore PATH`, as Bottlerocket's are. The target does not exist before.
//! It can also be called `--forward|--backward --stream`, reads all settings from standard input then, and writes them to standard output
//! ([`datastore::stream`]): so a whole chain of migrations needs the disk twice. That it can is written in it ([`run`]).
//! Exit codes: 0 the target is whole, 1 it failed, 2 wrong usage. Changes apply to what is live and to each pending transaction. Backward they are
//! undone in reverse order. What no change is about stays the same byte for byte. Flushing is the caller's.
//!
//! With the feature `harness` there are properties for a migration's own tests, tried on generated stores.

mod arguments;
mod change;
mod error;
#[cfg(any(test, feature = "harness"))]
pub mod harness;
mod program;

pub use arguments::{Arguments, Direction, Way};
pub use change::Change;
pub use datastore::{Area, Contents, Json, Key, NoKey, Store};
pub use error::{Error, Result};
pub use program::{carry, run};

/// A key, as it is written.
///
/// # Errors
///
/// Fails when it is none.
pub fn key(text: &str) -> Result<Key> {
    Ok(text.parse::<Key>()?)
}
