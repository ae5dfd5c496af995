//! What clients get.

use std::fs;
use std::io::{self, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::{Fault, Request};

/// Bytes of a body that are sent at a time.
const PIECE: usize = 64 << 10;

/// Where answers go.
pub(super) struct Out<'a> {
    /// The connection.
    pub(super) stream: &'a TcpStream,
    /// How many of the next bytes of a body are sent; they count as sent with that.
    pub(super) grant: &'a dyn Fn(usize) -> usize,
}

impl Out<'_> {
    fn head(&self, text: &str) -> io::Result<()> {
        let mut stream = self.stream;
        stream.write_all(text.as_bytes())
    }

    /// Sends a body, or what of it is granted; says whether that was all.
    fn body(&self, body: &[u8]) -> io::Result<bool> {
        let mut stream = self.stream;
        for piece in body.chunks(PIECE) {
            let granted = (self.grant)(piece.len());
            stream.write_all(&piece[..granted])?;
            if granted < piece.len() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Answers one request; says whether the connection goes on.
pub(super) fn answer(
    out: &Out<'_>,
    folder: &Path,
    request: &Request,
    (fault, tag): (Option<&Fault>, Option<&str>),
) -> io::Result<bool> {
    let empty = |status: &str| out.head(&format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"));
    match fault {
        Some(Fault::Status(status)) => {
            return empty(&format!("{status} Fault")).map(|()| true);
        }
        Some(Fault::Redirect(to)) => {
            return empty(&format!("302 Found\r\nLocation: {to}")).map(|()| true);
        }
        Some(Fault::Silence) => {
            // Ends when the client closes its side.
            io::copy(&mut &*out.stream, &mut io::sink())?;
            return Ok(false);
        }
        _ => {}
    }
    let body = match fault {
        Some(Fault::Replace(body) | Fault::ReplaceAll(body)) => Some(body.clone()),
        _ => fs::read(place(folder, &request.path)).ok(),
    };
    let Some(body) = body else { return empty("404 Not Found").map(|()| true) };
    let tag = match fault {
        Some(Fault::Retag(tag)) => Some(tag.as_str()),
        _ => tag,
    };
    send(out, request, body, (fault, tag))
}

fn place(folder: &Path, path: &str) -> PathBuf {
    folder.join(path.trim_start_matches('/'))
}

fn send(
    out: &Out<'_>,
    request: &Request,
    mut body: Vec<u8>,
    (fault, tag): (Option<&Fault>, Option<&str>),
) -> io::Result<bool> {
    let total = body.len();
    if let Some(Fault::Extra(count)) = fault {
        body.resize(total + count, b'x');
    }
    if request.if_none_match.is_some() && request.if_none_match.as_deref() == tag {
        return out.head("HTTP/1.1 304 Not Modified\r\nContent-Length: 0\r\n\r\n").map(|()| true);
    }
    let tag_line = tag.map_or(String::new(), |tag| format!("ETag: {tag}\r\n"));
    let (head, part) = match wanted(request, total, (fault, tag)) {
        None => ("200 OK\r\n".to_owned(), body),
        Some(range) if range.is_empty() => {
            let head = format!("416 Range\r\nContent-Range: bytes */{total}\r\n");
            (head, Vec::new())
        }
        Some(range) => (partial(&range, total, fault), cut_out(&body, range, fault)),
    };
    out.head(&format!("HTTP/1.1 {head}{tag_line}Content-Length: {}\r\n\r\n", part.len()))?;
    match fault {
        Some(Fault::Drip(pause)) => drip(out, &part, *pause),
        Some(Fault::CutAfter(count)) => {
            out.body(&part[..part.len().min(*count)])?;
            Ok(false)
        }
        _ => out.body(&part),
    }
}

/// The range that is sent, empty if there is none such; nothing where it is the whole.
fn wanted(
    request: &Request,
    total: usize,
    (fault, tag): (Option<&Fault>, Option<&str>),
) -> Option<Range<usize>> {
    let changed = request.if_range.is_some() && request.if_range.as_deref() != tag;
    let ignored = changed || matches!(fault, Some(Fault::IgnoreRange | Fault::ReplaceAll(_)));
    let asked = request.range.filter(|_| !ignored)?;
    if asked.first >= total {
        return Some(0..0);
    }
    let end = asked.last.map_or(total, |last| total.min(last.saturating_add(1)));
    match fault {
        Some(Fault::ShiftRange) => Some(asked.first + 1..total.min(end + 1)),
        _ => Some(asked.first..end),
    }
}

/// The first line and the range of a partial answer.
fn partial(range: &Range<usize>, total: usize, fault: Option<&Fault>) -> String {
    let longer = usize::from(matches!(fault, Some(Fault::WrongTotal)));
    let (first, last, total) = (range.start, range.end.saturating_sub(1), total + longer);
    format!("206 Partial\r\nContent-Range: bytes {first}-{last}/{total}\r\n")
}

/// The bytes of a partial answer. What goes on beyond the file does so behind its last range.
fn cut_out(body: &[u8], range: Range<usize>, fault: Option<&Fault>) -> Vec<u8> {
    let Range { start, end } = range;
    match fault {
        Some(Fault::Extra(count)) => body[start..body.len().min(end + count)].to_vec(),
        Some(Fault::Shorten(count)) => body[start..end.saturating_sub(*count).max(start)].to_vec(),
        Some(Fault::Garble) => body[start..end].iter().map(|byte| !byte).collect(),
        _ => body[start..end].to_vec(),
    }
}

/// How long a server drips: a client that would wait for ever gets the end of the connection instead.
const PATIENCE: Duration = Duration::from_secs(20);

/// A byte, a pause, a byte, until the client has had enough.
fn drip(out: &Out<'_>, part: &[u8], pause: Duration) -> io::Result<bool> {
    let mut dripped = Duration::ZERO;
    for byte in part {
        out.body(&[*byte])?;
        thread::sleep(pause);
        dripped += pause;
        if dripped > PATIENCE {
            return Ok(false);
        }
    }
    Ok(true)
}
