//! The server for development: ranges, and what it says about them in its log.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;

use repo_tools::Server;

/// The answer for a range, on a connection of its own.
fn ask(url: &str, path: &str, range: &str) -> String {
    let address: SocketAddr =
        url.trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /{path}?seed=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{range}\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.to_ascii_lowercase()
}

#[test]
fn ranges_are_answered_and_logged_with_their_bytes() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("targets")).unwrap();
    fs::write(folder.path().join("targets/file"), "0123456789").unwrap();
    let log = folder.path().join("log");
    let server = Server::bind(folder.path().join("targets"), "127.0.0.1:0".parse().unwrap());
    let server = server.unwrap().logged(&log).unwrap();
    let url = server.url();
    thread::spawn(move || server.run());
    let part = ask(&url, "file", "Range: bytes=2-4\r\n");
    assert!(part.contains("206 ") && part.contains("content-range: bytes 2-4/10"), "{part}");
    assert!(part.contains("content-length: 3") && part.ends_with("234"), "{part}");
    let whole = ask(&url, "file", "");
    assert!(whole.contains("content-length: 10") && whole.ends_with("0123456789"), "{whole}");
    let missing = ask(&url, "missing", "");
    assert!(missing.contains("404 ") && missing.contains("content-length: 0"), "{missing}");
    let lines = fs::read_to_string(log).unwrap();
    assert_eq!(lines, "GET /file bytes=2-4 206 3\nGET /file - 200 10\nGET /missing - 404 0\n");
}
