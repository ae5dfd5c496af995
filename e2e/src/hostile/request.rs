//! What clients ask for.

use std::io::{self, BufRead};

/// The bytes that a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// The first.
    pub first: usize,
    /// The last, if it is named.
    pub last: Option<usize>,
}

/// One request that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Which one it is of all that the server got, from 0 on.
    pub number: usize,
    /// The method.
    pub method: String,
    /// Path without query.
    pub path: String,
    /// Query, without the question mark.
    pub query: String,
    /// First byte asked for.
    pub offset: usize,
    /// The one range that is asked for, if any is.
    pub range: Option<ByteRange>,
    /// What `If-None-Match` says, if it is there.
    pub if_none_match: Option<String>,
    /// What `If-Range` says, if it is there.
    pub if_range: Option<String>,
    /// The user agent.
    pub agent: String,
    /// Whether the client took this server for a proxy.
    pub proxied: bool,
    /// Bytes of the body that were sent: handed to the kernel, whether the client reads them or not.
    pub sent: usize,
}

/// Reads the next request; none if the client has gone.
pub(super) fn read_request(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let target = line.split(' ').nth(1).unwrap_or("/");
    // A proxy is asked for a whole address.
    let rest = target.strip_prefix("http://").and_then(|rest| rest.split_once('/'));
    let proxied = rest.is_some();
    let target = rest.map_or(target.to_owned(), |(_, path)| format!("/{path}"));
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut request = Request {
        number: 0,
        method: line.split(' ').next().unwrap_or_default().to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        offset: 0,
        range: None,
        if_none_match: None,
        if_range: None,
        agent: String::new(),
        proxied,
        sent: 0,
    };
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let header = header.trim_end();
        if header.is_empty() {
            return Ok(Some(request));
        }
        let (name, value) = header.split_once(": ").unwrap_or((header, ""));
        match name.to_ascii_lowercase().as_str() {
            "range" => {
                request.range = range(value);
                request.offset = request.range.map_or(0, |range| range.first);
            }
            "if-none-match" => request.if_none_match = Some(value.to_owned()),
            "if-range" => request.if_range = Some(value.to_owned()),
            "user-agent" => value.clone_into(&mut request.agent),
            _ => {}
        }
    }
}

/// A range from a first byte on. Others, and several, are passed over, as a server may.
fn range(value: &str) -> Option<ByteRange> {
    let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
    let first = first.parse().ok()?;
    let last = if last.is_empty() { None } else { Some(last.parse().ok()?) };
    Some(ByteRange { first, last })
}
