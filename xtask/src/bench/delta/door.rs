//! A door in front of a server that counts what comes out through it.
//!
//! Answers of HTTP/1.1 with a `Content-Length` are understood, which is what a server of files sends. Bodies are counted, whatever is in
//! them; heads are not, since peers are counted without them, too.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddrV4, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use crate::Result;
use crate::error::Error;

/// What went through a door.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Traffic {
    /// Answers.
    pub(super) answers: u64,
    /// Bytes of their bodies.
    pub(super) bytes: u64,
}

/// A door on loopback; closed with this value.
#[derive(Debug)]
pub(super) struct Door {
    port: u16,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    answers: AtomicU64,
    bytes: AtomicU64,
    /// Something came out that is not understood.
    unclear: AtomicBool,
    closed: AtomicBool,
}

impl Door {
    /// Opens a door to the server on a port of loopback.
    ///
    /// # Errors
    ///
    /// Fails when there is no port to listen on.
    pub(super) fn open(to: u16) -> Result<Self> {
        let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let bound = bound.and_then(|listener| Ok((listener.local_addr()?.port(), listener)));
        let (port, listener) = bound.map_err(|source| Error::Start {
            program: "the door that counts bytes".to_owned(),
            source,
        })?;
        let counts = Arc::<Counts>::default();
        let shared = counts.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(io::Result::ok) {
                if shared.closed.load(Ordering::SeqCst) {
                    break;
                }
                // A server that is not there is the client's to complain about.
                let _ = pass(client, to, &shared);
            }
        });
        Ok(Self { port, counts })
    }

    /// Base of the URLs, without a final `/`.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What has come out so far.
    ///
    /// # Errors
    ///
    /// Fails when some of it was not understood.
    pub(super) fn traffic(&self) -> Result<Traffic> {
        if self.counts.unclear.load(Ordering::SeqCst) {
            return Err(Error::Untrue("every answer should have told its length".to_owned()));
        }
        let bytes = self.counts.bytes.load(Ordering::SeqCst);
        Ok(Traffic { answers: self.counts.answers.load(Ordering::SeqCst), bytes })
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.counts.closed.store(true, Ordering::SeqCst);
        // Wakes the thread, which looks then.
        let _ = TcpStream::connect(SocketAddrV4::new(Ipv4Addr::LOCALHOST, self.port));
    }
}

/// Has two threads pass on what the two say to each other.
fn pass(client: TcpStream, to: u16, counts: &Arc<Counts>) -> io::Result<()> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, to))?;
    for stream in [&client, &server] {
        stream.set_nodelay(true)?;
    }
    let (asking, asked) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || copy(asking, asked, |_| ()));
    let counts = counts.clone();
    let mut answers = Answers::default();
    thread::spawn(move || copy(server, client, |bytes| counts.add(&mut answers, bytes)));
    Ok(())
}

/// Copies until one of both ends, and has both know.
fn copy(mut from: TcpStream, mut to: TcpStream, mut each: impl FnMut(&[u8])) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        // Before they are passed on: who has them all may ask for the sum at once.
        each(&buffer[..count]);
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
    let _ = from.shutdown(Shutdown::Read);
}

impl Counts {
    fn add(&self, answers: &mut Answers, bytes: &[u8]) {
        match answers.take(bytes) {
            Some(traffic) => {
                self.answers.fetch_add(traffic.answers, Ordering::SeqCst);
                self.bytes.fetch_add(traffic.bytes, Ordering::SeqCst);
            }
            None => self.unclear.store(true, Ordering::SeqCst),
        }
    }
}

/// Where in its answers a connection is.
#[derive(Debug, Default)]
struct Answers {
    head: Vec<u8>,
    body_left: u64,
}

impl Answers {
    /// What came with more bytes; `None` when a head tells no length.
    fn take(&mut self, mut bytes: &[u8]) -> Option<Traffic> {
        let mut traffic = Traffic::default();
        while let Some((first, rest)) = bytes.split_first() {
            if self.body_left > 0 {
                let here = self.body_left.min(u64::try_from(bytes.len()).ok()?);
                self.body_left -= here;
                traffic.bytes += here;
                bytes = bytes.get(usize::try_from(here).ok()?..)?;
                continue;
            }
            self.head.push(*first);
            bytes = rest;
            if self.head.ends_with(b"\r\n\r\n") {
                self.body_left = body_length(&self.head)?;
                traffic.answers += 1;
                self.head.clear();
            }
        }
        Some(traffic)
    }
}

/// Length of the body that follows a head.
fn body_length(head: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(head).ok()?;
    let status = text.split_whitespace().nth(1)?;
    if status.starts_with('1') || ["204", "304"].contains(&status) {
        return Some(0);
    }
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then_some(value)
    });
    length?.trim().parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const THREE: &[u8] = b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n\
                           HTTP/1.1 206 Partial Content\r\ncontent-length: 5\r\n\r\na\r\n\r\n\
                           HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";

    #[test]
    fn bodies_are_counted_wherever_the_stream_is_cut() {
        for size in 1..=THREE.len() {
            let mut answers = Answers::default();
            let traffic = THREE.chunks(size).map(|piece| answers.take(piece).unwrap());
            let sum = traffic.fold((0, 0), |sum, it| (sum.0 + it.answers, sum.1 + it.bytes));
            assert_eq!(sum, (3, 5), "in pieces of {size}");
        }
    }

    #[test]
    fn an_answer_without_a_length_is_not_taken_for_an_empty_one() {
        let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n";
        assert_eq!(Answers::default().take(chunked), None);
    }

    #[test]
    fn a_door_passes_on_and_counts() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let door = Door::open(server.local_addr().unwrap().port()).unwrap();
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, door.port)).unwrap();
        client.write_all(b"GET").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let (mut side, _) = server.accept().unwrap();
        let mut asked = String::new();
        side.read_to_string(&mut asked).unwrap();
        side.write_all(THREE).unwrap();
        drop(side);
        let mut answered = Vec::new();
        client.read_to_end(&mut answered).unwrap();
        assert_eq!((asked.as_str(), answered.as_slice()), ("GET", THREE));
        let expected = Traffic { answers: 3, bytes: 5 };
        assert_eq!(door.traffic().unwrap(), expected);
    }
}
