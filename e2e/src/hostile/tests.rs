#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{Read, Write};

use tempfile::TempDir;

use super::*;

/// Ten thousand bytes that a client can tell apart.
fn content() -> Vec<u8> {
    (0..10_000_u32).map(|at| at.to_le_bytes()[usize::from(at % 2 == 1)]).collect()
}

fn server() -> (TempDir, Hostile) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), content()).unwrap();
    fs::write(folder.path().join("other"), b"other").unwrap();
    let server = Hostile::serve(folder.path()).unwrap();
    (folder, server)
}

/// Head and body of the answer for a range, on a connection of its own.
fn ask(server: &Hostile, path: &str, range: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    let range = if range.is_empty() { String::new() } else { format!("Range: {range}\r\n") };
    write!(stream, "GET /{path}?seed=1 HTTP/1.1\r\n{range}\r\n").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    (String::from_utf8(answer[..end].to_vec()).unwrap(), answer.split_off(end + 4))
}

/// Asks for bytes 100 to 199 of the file.
fn ask_for_part(server: &Hostile) -> (String, Vec<u8>) {
    ask(server, "file", "bytes=100-199")
}

#[test]
fn ranges_are_answered_as_they_should_be() {
    let (_folder, server) = server();
    for (range, status, first, last) in [
        ("bytes=100-199", "206 ", 100, 199),
        ("bytes=0-0", "206 ", 0, 0),
        ("bytes=9990-", "206 ", 9990, 9999),
        ("bytes=9990-20000", "206 ", 9990, 9999),
        ("", "200 ", 0, 9999),
        ("bytes=1-2,5-6", "200 ", 0, 9999),
    ] {
        let (head, body) = ask(&server, "file", range);
        assert!(head.contains(status), "{range}: {head}");
        let said = head.contains(&format!("Content-Range: bytes {first}-{last}/10000"));
        assert_eq!(said, status == "206 ", "{range}: {head}");
        assert!(body == content()[first..=last], "{range}");
    }
    let (head, body) = ask(&server, "file", "bytes=10000-10001");
    assert!(head.contains("416 ") && head.contains("bytes */10000") && body.is_empty(), "{head}");
}

#[test]
fn what_was_asked_for_and_sent_is_recorded() {
    let (_folder, server) = server();
    ask_for_part(&server);
    ask(&server, "file", "");
    ask(&server, "other", "");
    ask(&server, "missing", "");
    let asked = server.requests("file");
    let range = ByteRange { first: 100, last: Some(199) };
    assert_eq!((asked[0].range, asked[0].offset, asked[0].sent), (Some(range), 100, 100));
    assert_eq!((asked[1].range, asked[1].sent, asked[1].number), (None, 10_000, 1));
    assert_eq!((asked[0].method.as_str(), asked[0].query.as_str()), ("GET", "seed=1"));
    assert_eq!(
        (server.bytes("file"), server.bytes("other"), server.bytes("")),
        (10_100, 5, 10_105)
    );
    server.behave();
    assert_eq!(server.bytes(""), 0);
}

#[test]
fn lies_about_ranges_are_told_on_command() {
    let (_folder, server) = server();
    let right = &content()[100..200];
    server.fault("file", 1, Fault::IgnoreRange);
    assert!(ask_for_part(&server).0.contains("200 "));
    server.fault("file", 1, Fault::ShiftRange);
    let (head, body) = ask_for_part(&server);
    assert!(head.contains("bytes 101-200/10000") && body == content()[101..201], "{head}");
    server.fault("file", 1, Fault::Shorten(30));
    let (head, body) = ask_for_part(&server);
    assert!(head.contains("bytes 100-199/10000") && head.contains("Content-Length: 70"), "{head}");
    assert!(body == right[..70]);
    server.fault("file", 1, Fault::Extra(7));
    assert_eq!(ask_for_part(&server).1.len(), 107);
    server.fault("file", 1, Fault::Garble);
    let (_, body) = ask_for_part(&server);
    assert!(body.len() == 100 && body.iter().zip(right).all(|(one, other)| *one == !other));
    assert!(ask_for_part(&server).1 == right, "the faults are used up");
}

#[test]
fn connections_end_when_so_much_was_sent_in_all() {
    let (_folder, server) = server();
    let budget = Budget::new(150);
    server.fault("file", usize::MAX, Fault::CutInTotal(budget.clone()));
    let lengths: Vec<_> = (0..3).map(|_| ask_for_part(&server).1.len()).collect();
    assert_eq!((lengths, budget.left()), (vec![100, 50, 0], 0));
    assert_eq!(ask(&server, "other", "").1, b"other");
    assert_eq!(server.bytes("file"), 150);
    server.forgive();
    assert_eq!(ask_for_part(&server).1.len(), 100);
    assert_eq!(server.bytes("file"), 250);
}
