//! What clients ask for.

use std::io::{self, BufRead};

/// One request that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Path without query.
    pub path: String,
    /// Query, without the question mark.
    pub query: String,
    /// First byte asked for.
    pub offset: usize,
    /// What `If-Range` says, if it is there.
    pub if_range: Option<String>,
    /// The user agent.
    pub agent: String,
    /// Whether the client took this server for a proxy.
    pub proxied: bool,
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
        path: path.to_owned(),
        query: query.to_owned(),
        offset: 0,
        if_range: None,
        agent: String::new(),
        proxied,
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
            "range" => request.offset = range_start(value),
            "if-range" => request.if_range = Some(value.to_owned()),
            "user-agent" => value.clone_into(&mut request.agent),
            _ => {}
        }
    }
}

fn range_start(value: &str) -> usize {
    let start = value.strip_prefix("bytes=").and_then(|range| range.split('-').next());
    start.and_then(|start| start.parse().ok()).unwrap_or(0)
}
