//! An HTTP/1.1 server on loopback that serves a folder and misbehaves on command.
//!
//! A fault is a rule: which path, how often, what goes wrong. The first rule that matches and is not used up
//! is applied; everything else is served as a good server would, ranges included. What was asked for is
//! recorded, so that a test can say how much was fetched and how often.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// What goes wrong with an answer.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Another status, without a body.
    Status(u16),
    /// The connection ends after so many bytes of the body.
    CutAfter(usize),
    /// The whole file with status 200, although a range was asked for.
    IgnoreRange,
    /// A range that starts one byte later than the one asked for.
    ShiftRange,
    /// A body that goes on for so many bytes beyond the file, and says so.
    Extra(usize),
    /// The body of another file instead.
    Replace(Vec<u8>),
    /// Nothing: the connection stays open and silent until the client gives up.
    Silence,
    /// A redirect to this address.
    Redirect(String),
}

/// A fault and where it applies.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Applies to paths that contain this.
    pub path: String,
    /// How often it still applies.
    pub times: usize,
    /// What goes wrong.
    pub fault: Fault,
}

/// One request that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Path without query.
    pub path: String,
    /// Query, without the question mark.
    pub query: String,
    /// First byte asked for.
    pub offset: usize,
    /// The user agent.
    pub agent: String,
    /// Whether the client took this server for a proxy.
    pub proxied: bool,
}

#[derive(Debug, Default)]
struct Shared {
    rules: Vec<Rule>,
    requests: Vec<Request>,
}

/// A running server; it ends with the test's process.
#[derive(Clone, Debug)]
pub struct Hostile {
    port: u16,
    shared: Arc<Mutex<Shared>>,
}

impl Hostile {
    /// Serves `folder` on a free port of the loopback address.
    ///
    /// # Errors
    ///
    /// Fails when no port can be had.
    pub fn serve(folder: &Path) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Mutex::new(Shared::default()));
        let server = Self { port, shared };
        let (copy, folder) = (server.clone(), folder.to_owned());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (server, folder) = (copy.clone(), folder.clone());
                // A client that goes away in the middle is part of the game.
                thread::spawn(move || drop(server.connection(&stream, &folder)));
            }
        });
        Ok(server)
    }

    /// The address of `path` on this server.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on `fault` applies to paths that contain `path`, `times` times.
    pub fn fault(&self, path: &str, times: usize, fault: Fault) {
        self.lock().rules.push(Rule { path: path.to_owned(), times, fault });
    }

    /// Forgets every fault and every request.
    pub fn behave(&self) {
        *self.lock() = Shared::default();
    }

    /// The requests for paths that contain `path`, in order.
    pub fn requests(&self, path: &str) -> Vec<Request> {
        let shared = self.lock();
        shared.requests.iter().filter(|request| request.path.contains(path)).cloned().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connection(&self, stream: &TcpStream, folder: &Path) -> io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        while let Some(request) = read_request(&mut reader)? {
            let fault = self.record(&request);
            if !answer(stream, folder, &request, fault)? {
                return stream.shutdown(Shutdown::Both);
            }
        }
        Ok(())
    }

    /// Notes the request and takes the fault that applies to it.
    fn record(&self, request: &Request) -> Option<Fault> {
        let mut shared = self.lock();
        shared.requests.push(request.clone());
        let applies = |rule: &&mut Rule| rule.times > 0 && request.path.contains(&rule.path);
        let rule = shared.rules.iter_mut().find(applies)?;
        rule.times -= 1;
        Some(rule.fault.clone())
    }
}

fn read_request(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
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
            "user-agent" => value.clone_into(&mut request.agent),
            _ => {}
        }
    }
}

fn range_start(value: &str) -> usize {
    let start = value.strip_prefix("bytes=").and_then(|range| range.split('-').next());
    start.and_then(|start| start.parse().ok()).unwrap_or(0)
}

/// Answers one request; says whether the connection goes on.
fn answer(
    stream: &TcpStream,
    folder: &Path,
    request: &Request,
    fault: Option<Fault>,
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
        Some(Fault::Replace(body)) => Some(body.clone()),
        _ => fs::read(place(folder, &request.path)).ok(),
    };
    let Some(body) = body else {
        write!(out, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?;
        return Ok(true);
    };
    send(out, request, body, fault.as_ref())
}

fn place(folder: &Path, path: &str) -> PathBuf {
    folder.join(path.trim_start_matches('/'))
}

fn send(
    mut out: &TcpStream,
    request: &Request,
    mut body: Vec<u8>,
    fault: Option<&Fault>,
) -> io::Result<bool> {
    let total = body.len();
    if let Some(Fault::Extra(count)) = fault {
        body.resize(total + count, b'x');
    }
    let whole = request.offset == 0 || matches!(fault, Some(Fault::IgnoreRange));
    let start = match fault {
        Some(Fault::ShiftRange) => request.offset + 1,
        _ => request.offset,
    };
    let part = if whole { &body[..] } else { body.get(start..).unwrap_or_default() };
    if whole {
        write!(out, "HTTP/1.1 200 OK\r\n")?;
    } else {
        let last = total.saturating_sub(1);
        write!(out, "HTTP/1.1 206 Partial\r\nContent-Range: bytes {start}-{last}/{total}\r\n")?;
    }
    write!(out, "Content-Length: {}\r\n\r\n", part.len())?;
    if let Some(Fault::CutAfter(count)) = fault {
        out.write_all(&part[..part.len().min(*count)])?;
        return Ok(false);
    }
    out.write_all(part)?;
    Ok(true)
}
