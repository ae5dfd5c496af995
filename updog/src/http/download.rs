//! One target from wherever the base says: a server or a medium.

use bytes::Bytes;
use tokio::sync::mpsc::Sender;

use super::fetch::Fetch;
use super::medium::Medium;
use super::name::{below, check};
use super::{Client, HttpError};
use crate::address::Address;

/// One target at its place, with the length that the signed metadata gives it.
#[derive(Clone, Debug)]
pub struct Download {
    origin: Origin,
    length: u64,
}

#[derive(Clone, Debug)]
enum Origin {
    Server(Fetch),
    Medium(Medium, String),
}

impl Download {
    /// A download of `length` bytes from `name` below `base`.
    ///
    /// # Errors
    ///
    /// Fails when `name` would lead to a place that is not below `base`.
    pub fn new(
        client: &Client,
        base: &Address,
        name: &str,
        length: u64,
    ) -> Result<Self, HttpError> {
        let origin = match Medium::at(base.url()) {
            Some(medium) => {
                check(base.url(), name)?;
                Origin::Medium(medium, name.to_owned())
            }
            None => Origin::Server(Fetch::new(client, below(base.url(), name)?, length)),
        };
        Ok(Self { origin, length })
    }

    /// Sends the body, in order and without gaps, into `sink`; `inspect` sees each piece before.
    ///
    /// # Errors
    ///
    /// Fails when the whole cannot be had from there, when more than the length comes, and when the receiver has gone.
    pub async fn stream(
        &self,
        sink: &Sender<Bytes>,
        inspect: impl FnMut(&[u8]),
    ) -> Result<(), HttpError> {
        match &self.origin {
            Origin::Server(fetch) => fetch.stream(sink, inspect).await,
            Origin::Medium(medium, name) => medium.stream((name, self.length), sink, inspect).await,
        }
    }
}
