//! An HTTP/1.1 server on loopback that serves a folder and misbehaves on command.
//!
//! A fault is a rule: which path, how often, what goes wrong. The first rule that matches and is not used up
//! is applied; everything else is served as a good server would, ranges included. What was asked for is
//! recorded, and how much of it was sent, so that a test can say how much was fetched and how often.

mod answer;
mod budget;
mod request;
#[cfg(test)]
mod tests;

use std::io::{self, BufReader};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use answer::{Out, answer};
pub use budget::Budget;
use request::read_request;
pub use request::{ByteRange, Request};

/// What goes wrong with an answer.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Another status, without a body.
    Status(u16),
    /// The connection ends after so many bytes of the body.
    CutAfter(usize),
    /// The connections end once so many bytes of bodies were sent in all, on whichever of them.
    CutInTotal(Budget),
    /// The whole file with status 200, although a range was asked for.
    IgnoreRange,
    /// A range that starts, and ends where there is more, one byte later than the one asked for.
    ShiftRange,
    /// The range that was asked for, said to be all of it, with so many bytes fewer.
    Shorten(usize),
    /// The range that was asked for, with every bit of it turned over.
    Garble,
    /// A body that goes on for so many bytes beyond the file, and says so.
    Extra(usize),
    /// The body of another file instead.
    Replace(Vec<u8>),
    /// A range of a file that is one byte longer than the one that was begun.
    WrongTotal,
    /// A byte at a time, with this pause behind each.
    Drip(Duration),
    /// The whole of another file, although a range was asked for.
    ReplaceAll(Vec<u8>),
    /// Another entity tag, for the same bytes.
    Retag(String),
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

#[derive(Debug, Default)]
struct Shared {
    /// How many requests came, ever.
    count: usize,
    rules: Vec<Rule>,
    requests: Vec<Request>,
    tag: Option<String>,
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

    /// From now on every answer carries this entity tag, quotes included, and `If-Range` is heeded.
    pub fn tag(&self, tag: &str) {
        self.lock().tag = Some(tag.to_owned());
    }

    /// Forgets every fault, every request, and the tag.
    pub fn behave(&self) {
        let mut shared = self.lock();
        *shared = Shared { count: shared.count, ..Shared::default() };
    }

    /// Forgets every fault and the tag; the requests stay.
    pub fn forgive(&self) {
        let mut shared = self.lock();
        (shared.rules, shared.tag) = (Vec::new(), None);
    }

    /// The requests for paths that contain `path`, in order.
    pub fn requests(&self, path: &str) -> Vec<Request> {
        let shared = self.lock();
        shared.requests.iter().filter(|request| request.path.contains(path)).cloned().collect()
    }

    /// Bytes of bodies that were sent for paths that contain `path`.
    pub fn bytes(&self, path: &str) -> usize {
        self.requests(path).iter().map(|request| request.sent).sum()
    }

    /// Counts bytes that are about to be sent.
    fn count(&self, number: usize, bytes: usize) {
        let mut shared = self.lock();
        let request = shared.requests.iter_mut().rev().find(|request| request.number == number);
        request.into_iter().for_each(|request| request.sent += bytes);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connection(&self, stream: &TcpStream, folder: &Path) -> io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        while let Some(mut request) = read_request(&mut reader)? {
            let (fault, tag) = (self.record(&mut request), self.lock().tag.clone());
            let grant = |bytes| {
                let granted = match &fault {
                    Some(Fault::CutInTotal(budget)) => budget.take(bytes),
                    _ => bytes,
                };
                self.count(request.number, granted);
                granted
            };
            let out = Out { stream, grant: &grant };
            if !answer(&out, folder, &request, (fault.as_ref(), tag.as_deref()))? {
                return stream.shutdown(Shutdown::Both);
            }
        }
        Ok(())
    }

    /// Notes the request and takes the fault that applies to it.
    fn record(&self, request: &mut Request) -> Option<Fault> {
        let mut shared = self.lock();
        request.number = shared.count;
        shared.count += 1;
        shared.requests.push(request.clone());
        let applies = |rule: &&mut Rule| rule.times > 0 && request.path.contains(&rule.path);
        let rule = shared.rules.iter_mut().find(applies)?;
        rule.times -= 1;
        Some(rule.fault.clone())
    }
}
