//! One target from wherever the base says: a server or a medium.

use std::ops::Range;

use bytes::Bytes;
use tokio::sync::mpsc::Sender;

use super::fetch::Fetch;
use super::medium::Medium;
use super::name::{below, check};
use super::parts::Parts;
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

    /// Its length in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Sends the bytes of `ranges`, which rise within the length, one behind the other into `sink`; `arrived` is told of bytes as they come.
    ///
    /// # Errors
    ///
    /// As [`Download::stream`]; and when the server has no ranges, or sends others.
    pub(crate) async fn ranges(
        &self,
        ranges: &[Range<u64>],
        sink: &Sender<Bytes>,
        arrived: impl FnMut(u64),
    ) -> Result<(), HttpError> {
        match &self.origin {
            Origin::Server(fetch) => Parts::new(fetch, ranges, arrived).send(sink).await,
            Origin::Medium(medium, name) => {
                medium.ranges((name, self.length), ranges, sink, arrived).await
            }
        }
    }
}
