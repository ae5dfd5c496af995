//! The answer to a request for one range: what it has to say before its body is read.
//!
//! A server may send the whole (RFC 9110, section 14.2); that it has no ranges is remembered, and nothing of that body is read. All else has to be
//! the one range that was asked for, of a file of the signed length and of the state that the download began with.

use std::ops::Range;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, StatusCode};
use url::Url;

use super::HttpError;
use super::client::refused;
use super::resume::{Validator, is_part, range_of};
use crate::address::shown;

/// A range that was asked for.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    /// The target.
    pub url: &'a Url,
    /// Its length in bytes, as signed.
    pub total: u64,
    /// The bytes asked for: some, within the length.
    pub range: Range<u64>,
    /// The state of the file that the download began with.
    pub validator: Option<Validator>,
}

impl Part<'_> {
    /// Whether the answer is to be read. Gives the state that the server's file is in.
    ///
    /// # Errors
    ///
    /// Fails on any other answer than the range that was asked for.
    pub fn check(&self, response: &Response) -> Result<Option<Validator>, HttpError> {
        let now = Validator::of(response);
        match response.status() {
            StatusCode::PARTIAL_CONTENT => self.check_range(response)?,
            // With a condition that no longer holds, the whole is sent by every server.
            StatusCode::OK if self.is_of_state(now.as_ref()) => {
                return Err(HttpError::NoRanges { url: shown(self.url) });
            }
            StatusCode::OK => {}
            StatusCode::RANGE_NOT_SATISFIABLE => return Err(self.no_such_range()),
            status => return Err(refused(self.url, status)),
        }
        if self.is_of_state(now.as_ref()) {
            return Ok(now);
        }
        Err(HttpError::Changed { url: shown(self.url) })
    }

    fn check_range(&self, response: &Response) -> Result<(), HttpError> {
        let url = shown(self.url);
        let kind = response.headers().get(CONTENT_TYPE).map(|kind| kind.as_bytes());
        if kind.is_some_and(is_multipart) {
            return Err(HttpError::Multipart { url });
        }
        let got = range_of(response);
        if is_part(got, &self.range, self.total) {
            return Ok(());
        }
        let (first, last, total) = (self.range.start, self.last(), self.total);
        Err(HttpError::OtherRange { url, first, last, total, got: got.to_owned() })
    }

    fn is_of_state(&self, now: Option<&Validator>) -> bool {
        self.validator.as_ref().is_none_or(|then| then.allows(now))
    }

    fn no_such_range(&self) -> HttpError {
        let (first, last, total) = (self.range.start, self.last(), self.total);
        HttpError::NoSuchRange { url: shown(self.url), first, last, total }
    }

    fn last(&self) -> u64 {
        self.range.end.saturating_sub(1)
    }
}

fn is_multipart(kind: &[u8]) -> bool {
    let name = b"multipart/";
    kind.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
}
