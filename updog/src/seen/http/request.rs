//! The head of a request, from a connection that may bring anything at any speed.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use httparse::{EMPTY_HEADER, Error, Status};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::PATH;

/// Longest head that is read, in bytes.
pub(super) const MAX_HEAD: usize = 8 << 10;

/// Most fields that a head may have.
pub(super) const MAX_FIELDS: usize = 64;

/// A request for the metrics.
#[derive(Debug)]
pub(super) struct Request {
    /// Whether the body is wanted as well.
    pub(super) with_body: bool,
}

/// Why there are no metrics for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is no request of HTTP/1, or not a whole one.
    Malformed,
    /// There is nothing at that place.
    NotFound,
    /// It wants something else than to read.
    Method,
    /// It did not come in time.
    TooSlow,
    /// Its head is too long.
    TooLong,
}

impl Refusal {
    /// Code and words.
    pub(super) fn status(self) -> &'static str {
        match self {
            Self::Malformed => "400 Bad Request",
            Self::NotFound => "404 Not Found",
            Self::Method => "405 Method Not Allowed",
            Self::TooSlow => "408 Request Timeout",
            Self::TooLong => "431 Request Header Fields Too Large",
        }
    }
}

/// Reads a head to its end and judges it.
pub(super) fn read(input: &impl AsFd, limit: Duration) -> Result<Request, Refusal> {
    let deadline = Instant::now().checked_add(limit);
    let mut head = Vec::new();
    loop {
        wait(input, deadline)?;
        let mut chunk = [0; 1024];
        match rustix::io::read(input, &mut chunk) {
            Ok(0) => return Err(Refusal::Malformed),
            Ok(length) => head.extend_from_slice(&chunk[..length]),
            Err(Errno::INTR | Errno::AGAIN) => continue,
            Err(_) => return Err(Refusal::Malformed),
        }
        match parse(&head)? {
            Some(request) => return Ok(request),
            None if head.len() > MAX_HEAD => return Err(Refusal::TooLong),
            None => {}
        }
    }
}

/// Waits until something can be read.
fn wait(input: &impl AsFd, deadline: Option<Instant>) -> Result<(), Refusal> {
    loop {
        let left = deadline.map_or(Duration::ZERO, |at| at.duration_since(Instant::now()));
        let left = Timespec::try_from(left).map_err(|_| Refusal::TooSlow)?;
        let mut ready = [PollFd::new(input, PollFlags::IN)];
        match poll(&mut ready, Some(&left)).map_err(io::Error::from) {
            Ok(0) => return Err(Refusal::TooSlow),
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Err(Refusal::Malformed),
        }
    }
}

/// The request, once its head is whole.
fn parse(head: &[u8]) -> Result<Option<Request>, Refusal> {
    let mut fields = [EMPTY_HEADER; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(head) {
        Ok(Status::Complete(length)) if length > MAX_HEAD => Err(Refusal::TooLong),
        Ok(Status::Complete(_)) => judge(&request).map(Some),
        Ok(Status::Partial) => Ok(None),
        Err(Error::TooManyHeaders) => Err(Refusal::TooLong),
        Err(_) => Err(Refusal::Malformed),
    }
}

fn judge(request: &httparse::Request<'_, '_>) -> Result<Request, Refusal> {
    let hosts = request.headers.iter().filter(|field| field.name.eq_ignore_ascii_case("host"));
    // RFC 9112, 3.2: exactly one, where the version has it.
    if request.version == Some(1) && hosts.count() != 1 {
        return Err(Refusal::Malformed);
    }
    if path(request.path.unwrap_or_default()) != PATH {
        return Err(Refusal::NotFound);
    }
    match request.method {
        Some("GET") => Ok(Request { with_body: true }),
        Some("HEAD") => Ok(Request { with_body: false }),
        _ => Err(Refusal::Method),
    }
}

/// The path of a target, which may be a whole address and have a query.
fn path(target: &str) -> &str {
    let place = target.strip_prefix("http://").map_or(target, |rest| {
        rest.find('/').and_then(|start| rest.get(start..)).unwrap_or_default()
    });
    place.split_once('?').map_or(place, |(path, _)| path)
}
