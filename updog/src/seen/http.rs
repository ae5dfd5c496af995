//! One request for metrics over HTTP, answered on a connection that somebody else has accepted: `Accept=yes` of a systemd socket.
//!
//! Whoever asks may be hostile: the head is bounded in length and time, a body is not read, and only `GET` and `HEAD` of [`PATH`] get
//! more than a line. The connection ends with the answer, so that what follows the head means nothing. The metrics are made after the
//! request was understood, so that others cost next to nothing.

mod request;

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::metrics::CONTENT_TYPE;
use request::{Refusal, Request};

/// Where the metrics are.
pub const PATH: &str = "/metrics";

/// How long a head may take to come in.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Reads one request from `input` within `limit` and writes its answer. A request that is refused is answered as well.
///
/// # Errors
///
/// Fails when the answer cannot be written.
pub fn answer(
    input: &impl AsFd,
    output: &mut impl Write,
    limit: Duration,
    now: DateTime<Utc>,
    metrics: impl FnOnce() -> String,
) -> io::Result<()> {
    let answer = match request::read(input, limit) {
        Ok(Request { with_body }) => Answer { status: "200 OK", body: metrics(), with_body },
        Err(refusal) => Answer::refusal(refusal),
    };
    output.write_all(answer.head(now).as_bytes())?;
    if answer.with_body {
        output.write_all(answer.body.as_bytes())?;
    }
    output.flush()
}

/// What is answered.
struct Answer {
    /// Code and words.
    status: &'static str,
    /// The body, or what it would be.
    body: String,
    /// Whether it is sent.
    with_body: bool,
}

impl Answer {
    fn refusal(refusal: Refusal) -> Self {
        let status = refusal.status();
        Self { status, body: format!("{status}\n"), with_body: true }
    }

    fn head(&self, now: DateTime<Utc>) -> String {
        let Self { status, body, .. } = self;
        let content = if *status == "200 OK" { CONTENT_TYPE } else { "text/plain; charset=utf-8" };
        let allow = if status.starts_with("405") { "Allow: GET, HEAD\r\n" } else { "" };
        let date = now.format("%a, %d %b %Y %H:%M:%S GMT");
        format!(
            "HTTP/1.1 {status}\r\nDate: {date}\r\nContent-Type: {content}\r\nContent-Length: {}\r\n\
             {allow}Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
            body.len(),
        )
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
