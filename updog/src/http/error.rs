//! What can go wrong between this host and a server, or a medium.

use std::io;

use reqwest::StatusCode;
use thiserror::Error;
use url::Url;

use crate::address::shown;

/// A request that did not give what was asked for. Addresses are shown without credentials and query.
#[derive(Debug, Error)]
pub enum HttpError {
    /// The client could not be made, for instance because of its proxy.
    #[error("cannot set up HTTP")]
    Client(#[source] reqwest::Error),
    /// A name does not give an address below the base.
    #[error("{name:?} gives no address below {base}")]
    Name {
        /// The name from the repository.
        name: String,
        /// The base address.
        base: String,
    },
    /// The server says that there is no such thing.
    #[error("{url} is not there (HTTP {status})")]
    Absent {
        /// What was asked for.
        url: String,
        /// 403, 404 or 410.
        status: StatusCode,
    },
    /// A medium has no such file.
    #[error("{url} is not there")]
    NoFile {
        /// The file.
        url: String,
    },
    /// A file of a medium cannot be read.
    #[error("cannot read {url}")]
    Medium {
        /// The file.
        url: String,
        /// The cause.
        source: io::Error,
    },
    /// The server answered with another status than success.
    #[error("{url} answered HTTP {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// The answer.
        status: StatusCode,
    },
    /// Nothing came for as long as a server may be silent.
    #[error("{url} is silent for {seconds} s")]
    Silent {
        /// What was asked for.
        url: String,
        /// How long it was.
        seconds: u64,
    },
    /// No answer, or one that broke off.
    #[error("{url} cannot be reached, or broke off")]
    Network {
        /// What was asked for.
        url: String,
        /// The cause.
        #[source]
        source: reqwest::Error,
    },
    /// The body ended before its announced length.
    #[error("{url} ended after {got} of {expected} bytes")]
    Short {
        /// What was asked for.
        url: String,
        /// Bytes that came.
        got: u64,
        /// Bytes that the signed metadata announces.
        expected: u64,
    },
    /// The body is longer than it may be.
    #[error("{url} sends more than the {limit} bytes that it may have")]
    TooLong {
        /// What was asked for.
        url: String,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The body comes slower than it may.
    #[error(
        "{url} is too slow: {got} bytes in {seconds} s of waiting, at least {least} a second are wanted"
    )]
    TooSlow {
        /// What was asked for.
        url: String,
        /// Bytes that came in the window.
        got: u64,
        /// Length of the window, in seconds.
        seconds: u64,
        /// The least rate, in bytes a second.
        least: u64,
    },
    /// What came after an interruption does not belong to what came before.
    #[error("{url} changed while it was being fetched")]
    Changed {
        /// What was asked for.
        url: String,
    },
    /// The server sent another range than the one asked for.
    #[error("{url} sent the range {got:?} where byte {wanted} of {total} was to come first")]
    WrongRange {
        /// What was asked for.
        url: String,
        /// First byte asked for.
        wanted: u64,
        /// Bytes that the signed metadata announces.
        total: u64,
        /// The `Content-Range` of the answer.
        got: String,
    },
    /// The server sends the whole where a range was asked for.
    #[error("{url} comes from a server that sends no ranges")]
    NoRanges {
        /// What was asked for.
        url: String,
    },
    /// The server says that the range lies beyond the end of what it has.
    #[error("{url} has no bytes {first} to {last} of {total} there (HTTP 416)")]
    NoSuchRange {
        /// What was asked for.
        url: String,
        /// First byte asked for.
        first: u64,
        /// Last byte asked for.
        last: u64,
        /// Bytes that the signed metadata announces.
        total: u64,
    },
    /// The server sent a range that is not exactly the one asked for.
    #[error("{url} sent the range {got:?} where bytes {first} to {last} of {total} were asked for")]
    OtherRange {
        /// What was asked for.
        url: String,
        /// First byte asked for.
        first: u64,
        /// Last byte asked for.
        last: u64,
        /// Bytes that the signed metadata announces.
        total: u64,
        /// The `Content-Range` of the answer.
        got: String,
    },
    /// The server sent several ranges where one was asked for.
    #[error("{url} sent several ranges where one was asked for")]
    Multipart {
        /// What was asked for.
        url: String,
    },
    /// The body of a range ended before the range did.
    #[error("{url} sent {got} bytes of a range of {expected}")]
    ShortRange {
        /// What was asked for.
        url: String,
        /// Bytes that came.
        got: u64,
        /// Bytes asked for.
        expected: u64,
    },
    /// The body of a range goes on behind its end.
    #[error("{url} sends more than the {expected} bytes of a range that was asked for")]
    LongRange {
        /// What was asked for.
        url: String,
        /// Bytes asked for.
        expected: u64,
    },
    /// The receiving side gave up; it holds the reason.
    #[error("the receiver of {url} stopped")]
    Stopped {
        /// What was asked for.
        url: String,
    },
}

impl HttpError {
    /// Whether to go on with the same request a little later: what is received already still counts.
    pub(crate) fn is_mended_by_retry(&self) -> bool {
        self.is_temporary() && !matches!(self, Self::Changed { .. } | Self::NoSuchRange { .. })
    }

    /// Whether there is no such thing, as against one that could not be had.
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent { .. } | Self::NoFile { .. })
    }

    /// Whether the server, or the way to it, is in trouble: asking it for something else would end the same, and cost more.
    pub fn is_away(&self) -> bool {
        match self {
            Self::Network { .. }
            | Self::Silent { .. }
            | Self::Status { .. }
            | Self::TooSlow { .. } => self.is_temporary(),
            _ => false,
        }
    }

    /// Whether the same may succeed a little later.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Network { source, .. } => !source.is_redirect() && !source.is_builder(),
            Self::Short { .. }
            | Self::WrongRange { .. }
            | Self::OtherRange { .. }
            | Self::ShortRange { .. }
            | Self::NoSuchRange { .. }
            | Self::Silent { .. }
            | Self::TooSlow { .. }
            | Self::Changed { .. } => true,
            Self::Status { status, .. } => {
                status.is_server_error()
                    || *status == StatusCode::TOO_MANY_REQUESTS
                    || *status == StatusCode::REQUEST_TIMEOUT
            }
            Self::Client(_)
            | Self::Name { .. }
            | Self::Absent { .. }
            | Self::NoFile { .. }
            | Self::Medium { .. }
            | Self::TooLong { .. }
            | Self::NoRanges { .. }
            | Self::Multipart { .. }
            | Self::LongRange { .. }
            | Self::Stopped { .. } => false,
        }
    }

    pub(crate) fn client(source: reqwest::Error) -> Self {
        Self::Client(source.without_url())
    }

    pub(crate) fn network(url: &Url, source: reqwest::Error) -> Self {
        Self::Network { url: shown(url), source: source.without_url() }
    }
}
