//! What clients get.

use std::fs;
use std::io::{self, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::{Fault, Request};

/// Answers one request; says whether the connection goes on.
pub(super) fn answer(
    stream: &TcpStream,
    folder: &Path,
    request: &Request,
    (fault, tag): (Option<Fault>, Option<&str>),
) -> io::Result<bool> {
    let mut out = stream;
    match &fault {
        Some(Fault::Status(status)) => {
            write!(out, "HTTP/1.1 {status} Fault\r\nContent-Length: 0\r\n\r\n")?;
            return Ok(true);
        }
        Some(Fault::Redirect(to)) => {
            write!(out, "HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")?;
            return Ok(true);
        }
        Some(Fault::Silence) => {
            // Ends when the client closes its side.
            io::copy(&mut &*stream, &mut io::sink())?;
            return Ok(false);
        }
        _ => {}
    }
    let body = match &fault {
        Some(Fault::Replace(body) | Fault::ReplaceAll(body)) => Some(body.clone()),
        _ => fs::read(place(folder, &request.path)).ok(),
    };
    let Some(body) = body else {
        write!(out, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?;
        return Ok(true);
    };
    let tag = match &fault {
        Some(Fault::Retag(tag)) => Some(tag.as_str()),
        _ => tag,
    };
    send(out, request, body, (fault.as_ref(), tag))
}

fn place(folder: &Path, path: &str) -> PathBuf {
    folder.join(path.trim_start_matches('/'))
}

fn send(
    mut out: &TcpStream,
    request: &Request,
    mut body: Vec<u8>,
    (fault, tag): (Option<&Fault>, Option<&str>),
) -> io::Result<bool> {
    let total = body.len();
    if let Some(Fault::Extra(count)) = fault {
        body.resize(total + count, b'x');
    }
    let changed = request.if_range.is_some() && request.if_range.as_deref() != tag;
    let ignored = changed || matches!(fault, Some(Fault::IgnoreRange | Fault::ReplaceAll(_)));
    let whole = request.offset == 0 || ignored;
    if !whole && request.offset >= total {
        write!(
            out,
            "HTTP/1.1 416 Range\r\nContent-Range: bytes */{total}\r\nContent-Length: 0\r\n\r\n"
        )?;
        return Ok(true);
    }
    let start = match fault {
        Some(Fault::ShiftRange) => request.offset + 1,
        _ => request.offset,
    };
    let part = if whole { &body[..] } else { body.get(start..).unwrap_or_default() };
    if whole {
        write!(out, "HTTP/1.1 200 OK\r\n")?;
    } else {
        let last = total.saturating_sub(1);
        let longer = usize::from(matches!(fault, Some(Fault::WrongTotal)));
        let total = total + longer;
        write!(out, "HTTP/1.1 206 Partial\r\nContent-Range: bytes {start}-{last}/{total}\r\n")?;
    }
    if let Some(tag) = tag {
        write!(out, "ETag: {tag}\r\n")?;
    }
    write!(out, "Content-Length: {}\r\n\r\n", part.len())?;
    if let Some(Fault::Drip(pause)) = fault {
        return drip(out, part, *pause);
    }
    if let Some(Fault::CutAfter(count)) = fault {
        out.write_all(&part[..part.len().min(*count)])?;
        return Ok(false);
    }
    out.write_all(part)?;
    Ok(true)
}

/// How long a server drips: a client that would wait for ever gets the end of the connection instead.
const PATIENCE: Duration = Duration::from_secs(20);

/// A byte, a pause, a byte, until the client has had enough.
fn drip(mut out: &TcpStream, part: &[u8], pause: Duration) -> io::Result<bool> {
    let mut dripped = Duration::ZERO;
    for byte in part {
        out.write_all(&[*byte])?;
        thread::sleep(pause);
        dripped += pause;
        if dripped > PATIENCE {
            return Ok(false);
        }
    }
    Ok(true)
}
