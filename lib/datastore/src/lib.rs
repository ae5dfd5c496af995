//! A host's settings on disk, one version of them: keys and their values, live and pending.
//!
//! ```text
//! STORE/live/settings/host/name                    "a"       the key settings.host.name
//!            settings/host/name.strength           "weak"    its metadata `strength`
//!            settings/labels/example%2Ecom%2Fzone  "b"       the key settings.labels."example.com/zone"
//! STORE/pending/TRANSACTION/settings/…                       what is to become live
//! ```
//!
//! The layout is AWS Bottlerocket's. A value is JSON, kept as the text that it was: what nobody changes stays the same byte for byte.
//!
//! Invariant: whoever reads a store has seen every file in it. A file whose name is no key, a link, a device, or a value that is not
//! JSON is an error and names the file, never passed over. An empty folder is no key and no error.
//!
//! Left out on purpose: versions and the links between them, and every flush; both are the `migrator`'s, which flushes a store as a whole
//! before anything leads to it.

mod area;
mod contents;
mod error;
mod json;
mod key;
mod name;
mod store;
pub mod stream;

pub use area::Area;
pub use contents::Contents;
pub use error::{Error, Result};
pub use json::Json;
pub use key::{Key, NoKey};
pub use store::{Count, LIVE, PENDING, Store};
