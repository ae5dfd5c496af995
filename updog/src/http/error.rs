//! What can go wrong between this host and a server.

use reqwest::StatusCode;
use thiserror::Error;
use url::Url;

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
    /// The server answered with another status than success.
    #[error("{url} answered HTTP {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// The answer.
        status: StatusCode,
    },
    /// No answer, or one that broke off, or silence.
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
        self.is_temporary() && !matches!(self, Self::Changed { .. })
    }

    /// Whether the same may succeed a little later.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Network { source, .. } => !source.is_redirect() && !source.is_builder(),
            Self::Short { .. }
            | Self::WrongRange { .. }
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
            | Self::TooLong { .. }
            | Self::Stopped { .. } => false,
        }
    }

    pub(crate) fn network(url: &Url, source: reqwest::Error) -> Self {
        Self::Network { url: shown(url), source: source.without_url() }
    }
}

/// An address as it may stand in a log: without user, password, query and fragment.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // Both fail only for addresses that cannot have credentials.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn credentials_and_query_never_reach_a_message() {
        let url = Url::parse("https://me:secret@updates.example/a?token=secret#secret").unwrap();
        assert_eq!(shown(&url), "https://updates.example/a");
    }
}
