//! How this host talks to a repository: one client, bounded bodies, retries, resume; or a mounted medium in its place.
//!
//! Everything that arrives is still unverified: the metadata goes to `trust`, the targets through its
//! checker. What is decided here is only which answers are worth another try.

mod body;
mod client;
mod download;
mod error;
mod fetch;
mod greeter;
mod medium;
mod metadata;
mod name;
mod pace;
mod part;
mod parts;
mod patience;
mod pieces;
mod query;
mod resume;
mod support;
mod throttle;

pub use client::Client;
pub(crate) use client::State;
pub use download::Download;
pub use error::HttpError;
pub(crate) use greeter::Greeter;
pub use metadata::Metadata;
pub use pace::Rate;
pub use part::Part;
pub(crate) use pieces::{first_strange, pieces};
pub use query::Query;
pub use resume::{Received, Validator};
