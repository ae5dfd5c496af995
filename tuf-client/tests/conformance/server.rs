//! A server on loopback that has the files of one folder, by the very names that are asked for, and remembers what was.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

#[derive(Default)]
struct Shared {
    folder: PathBuf,
    requests: Vec<String>,
}

/// A running server; it ends with the test's process.
pub(crate) struct Server {
    port: u16,
    shared: Arc<Mutex<Shared>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared: Arc<Mutex<Shared>> = Arc::default();
        let server = Self { port, shared: shared.clone() };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = shared.clone();
                thread::spawn(move || answer(&stream, &shared));
            }
        });
        server
    }

    /// Has the files of `folder` from now on, and forgets what was asked for.
    pub(crate) fn serve(&self, folder: &Path) {
        *self.shared.lock().unwrap() = Shared { folder: folder.to_owned(), requests: Vec::new() };
    }

    pub(crate) fn url(&self, folder: &str) -> String {
        format!("http://127.0.0.1:{}/{folder}/", self.port)
    }

    /// Paths as they were sent.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.shared.lock().unwrap().requests.clone()
    }
}

/// Answers until the client closes the connection.
fn answer(stream: &TcpStream, shared: &Mutex<Shared>) {
    let mut lines = BufReader::new(stream).lines();
    while let Some(Ok(request)) = lines.next() {
        while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        let file = {
            let mut shared = shared.lock().unwrap();
            shared.requests.push(path.clone());
            shared.folder.join(path.trim_start_matches('/'))
        };
        let (status, body) = match fs::read(file) {
            Ok(body) => ("200 OK", body),
            Err(_) => ("404 Not Found", Vec::new()),
        };
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
        let mut stream = stream;
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).is_err() {
            return;
        }
    }
}
