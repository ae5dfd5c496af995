//! A server on loopback whose answers a test decides on.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::thread;

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Which one it is of all, from 0 on.
    pub(crate) number: usize,
    /// Path and query.
    pub(crate) target: String,
    /// Its `Range`, as it is.
    pub(crate) header: String,
    /// The range.
    pub(crate) range: Range<usize>,
    /// Its `If-Range`.
    pub(crate) condition: Option<String>,
}

/// What is sent back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The first line and the headers, without lengths.
    pub(crate) head: String,
    /// The body.
    pub(crate) body: Vec<u8>,
    /// Bytes of the body after which the connection ends, if it does.
    pub(crate) cut: Option<usize>,
}

impl Answer {
    /// The range that was asked for.
    pub(crate) fn right(asked: &Asked, whole: &[u8]) -> Self {
        Self::part(asked.range.clone(), whole)
    }

    /// Some range.
    pub(crate) fn part(range: Range<usize>, whole: &[u8]) -> Self {
        let (first, last, total) = (range.start, range.end - 1, whole.len());
        let head = format!("206 Partial\r\nContent-Range: bytes {first}-{last}/{total}");
        Self { head, body: whole[range].to_vec(), cut: None }
    }

    /// Another header.
    pub(crate) fn with(mut self, header: &str) -> Self {
        self.head = format!("{}\r\n{header}", self.head);
        self
    }

    /// The connection ends after so many bytes.
    pub(crate) fn cut(self, bytes: usize) -> Self {
        Self { cut: Some(bytes), ..self }
    }
}

type Decide = dyn Fn(&Asked) -> Answer + Send + Sync;

/// A running server; it ends with the test's process.
#[derive(Clone)]
pub(crate) struct Server {
    asked: Arc<Mutex<Vec<Asked>>>,
    decide: Arc<Decide>,
}

impl Server {
    /// Starts a server, and gives its address.
    pub(crate) fn start(
        decide: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    ) -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = Self { asked: Arc::default(), decide: Arc::new(decide) };
        let copy = server.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = copy.clone();
                thread::spawn(move || server.connection(&stream));
            }
        });
        (server, url)
    }

    /// What was asked for.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    fn connection(&self, stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        while let Some((target, header, condition)) = read(&mut reader) {
            let asked = self.note(target, header, condition);
            let answer = (self.decide)(&asked);
            let head = format!("HTTP/1.1 {}\r\nContent-Length: {}", answer.head, answer.body.len());
            let body = &answer.body[..answer.cut.unwrap_or(answer.body.len())];
            let mut out = stream;
            let sent = write!(out, "{head}\r\n\r\n").and_then(|()| out.write_all(body));
            if answer.cut.is_some() || sent.is_err() {
                // A client that goes away in the middle is part of the game.
                let _ = stream.shutdown(Shutdown::Both);
                return;
            }
        }
    }

    fn note(&self, target: String, header: String, condition: Option<String>) -> Asked {
        let bounds = header.strip_prefix("bytes=").and_then(|range| range.split_once('-'));
        let range = bounds.map(|(first, last)| {
            let last: usize = last.parse().unwrap();
            first.parse().unwrap()..last + 1
        });
        let mut all = self.asked.lock().unwrap();
        let (number, range) = (all.len(), range.unwrap_or(0..0));
        let asked = Asked { number, target, header, range, condition };
        all.push(asked.clone());
        asked
    }
}

/// Path, range and condition of the next request.
fn read(reader: &mut impl BufRead) -> Option<(String, String, Option<String>)> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let target = line.split(' ').nth(1)?.to_owned();
    let (mut range, mut condition) = (String::new(), None);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "range" => value.clone_into(&mut range),
            "if-range" => condition = Some(value.to_owned()),
            _ => {}
        }
    }
    Some((target, range, condition))
}
