//! Requests as servers see them, and as nobody should send them.

use std::io::Read;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::thread;

use proptest::prelude::*;

use super::request::{MAX_FIELDS, MAX_HEAD};
use super::*;

const METRICS: &str = "updog_failed_versions 0\n";

/// What is answered to a client that sends `request` and then says no more, or only waits.
fn asked(request: &[u8], ends: bool) -> String {
    let (mut client, server) = UnixStream::pair().unwrap();
    let bytes = request.to_vec();
    let writer = thread::spawn(move || {
        // Who is refused early does not have to read on.
        let _ = client.write_all(&bytes);
        if ends {
            client.shutdown(Shutdown::Write).unwrap();
        }
        let mut answer = String::new();
        let _ = client.read_to_string(&mut answer);
        answer
    });
    // It is over when a client ends; one that only waits is given no time.
    let limit = if ends { Duration::from_secs(60) } else { Duration::ZERO };
    let mut output = Vec::new();
    answer(&server, &mut output, limit, DateTime::UNIX_EPOCH, || METRICS.to_owned()).unwrap();
    drop(server);
    writer.join().unwrap();
    String::from_utf8(output).unwrap()
}

fn status(request: &[u8]) -> String {
    let answer = asked(request, true);
    answer.lines().next().unwrap().strip_prefix("HTTP/1.1 ").unwrap().to_owned()
}

#[test]
fn metrics_come_with_all_that_a_reader_needs() {
    let answer = asked(b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n", true);
    let expected = "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\
        Content-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: 24\r\n\
        Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n\
        updog_failed_versions 0\n";
    assert_eq!(answer, expected);
    let head = asked(b"HEAD /metrics HTTP/1.1\r\nHost: h\r\n\r\n", true);
    assert_eq!(head, expected.strip_suffix(METRICS).unwrap());
}

#[test]
fn who_keeps_the_connection_open_is_answered_all_the_same() {
    let (mut client, server) = UnixStream::pair().unwrap();
    client.write_all(b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    let mut output = Vec::new();
    answer(&server, &mut output, PATIENCE, DateTime::UNIX_EPOCH, String::new).unwrap();
    assert!(output.starts_with(b"HTTP/1.1 200 OK\r\n"));
}

#[test]
fn every_way_of_asking_for_the_same() {
    for target in ["/metrics", "/metrics?x=1", "http://host:9100/metrics"] {
        let request = format!("GET {target} HTTP/1.1\r\nhost: h\r\nAccept: */*\r\n\r\n");
        assert_eq!(status(request.as_bytes()), "200 OK", "{target}");
    }
    assert_eq!(status(b"GET /metrics HTTP/1.0\r\n\r\n"), "200 OK");
    assert_eq!(status(b"GET /metrics HTTP/1.0\n\n"), "200 OK");
}

#[test]
fn other_places_and_other_wishes() {
    for target in
        ["/", "/metrics/", "//metrics", "/%6detrics", "*", "http://metrics", "/../metrics"]
    {
        let request = format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!(status(request.as_bytes()), "404 Not Found", "{target}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "get", "X"] {
        let request = format!("{method} /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
        let answer = asked(request.as_bytes(), true);
        assert!(answer.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"), "{answer}");
        assert!(answer.contains("\r\nAllow: GET, HEAD\r\n"), "{answer}");
    }
}

#[test]
fn what_is_no_request() {
    let cases: [&[u8]; 12] = [
        b"",
        b"GET /metrics HTTP/1.1\r\nHost: h\r\n",
        b"GET /metrics HTTP/1.1\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost : h\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: h\0\r\n\r\n",
        b"GET /metrics HTTP/2.0\r\nHost: h\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /metrics\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\xff\xff\xff\xff\r\n\r\n",
    ];
    for case in cases {
        assert_eq!(status(case), "400 Bad Request", "{}", case.escape_ascii());
    }
}

#[test]
fn a_head_without_an_end_is_not_read_for_ever() {
    let long = [b"GET /metrics HTTP/1.1\r\nHost: h\r\nX: ".to_vec(), vec![b'x'; 1 << 20]].concat();
    assert_eq!(status(&long), "431 Request Header Fields Too Large");
    let target = [b"GET /".to_vec(), vec![b'x'; 1 << 20]].concat();
    assert_eq!(status(&target), "431 Request Header Fields Too Large");
    let many = "X: x\r\n".repeat(MAX_FIELDS + 1);
    let many = format!("GET /metrics HTTP/1.1\r\n{many}\r\n");
    assert_eq!(status(many.as_bytes()), "431 Request Header Fields Too Large");
    let empty = "\r\n".repeat(MAX_HEAD);
    assert_eq!(status(empty.as_bytes()), "431 Request Header Fields Too Large");
    let filled = "x".repeat(MAX_HEAD - 40);
    let whole = format!("GET /metrics HTTP/1.1\r\nHost: {filled}\r\n\r\n");
    assert_eq!(status(whole.as_bytes()), "200 OK");
}

#[test]
fn who_takes_too_long_is_told_so_and_costs_no_metrics() {
    for sent in [&b""[..], b"GET /metr"] {
        let (mut client, server) = UnixStream::pair().unwrap();
        client.write_all(sent).unwrap();
        let (mut output, mut made) = (Vec::new(), false);
        let metrics = || {
            made = true;
            String::new()
        };
        answer(&server, &mut output, Duration::ZERO, DateTime::UNIX_EPOCH, metrics).unwrap();
        assert!(output.starts_with(b"HTTP/1.1 408 Request Timeout\r\n") && !made);
    }
    assert!(asked(b"", false).starts_with("HTTP/1.1 4"));
}

#[test]
fn what_follows_the_head_means_nothing() {
    let two =
        b"GET /metrics HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nPOST / HTTP/1.1\r\n\r\n";
    let answer = asked(two, true);
    assert_eq!(answer.matches("HTTP/1.1").count(), 1);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"));
}

proptest! {
    #[test]
    fn whatever_comes_gets_one_answer(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let answer = asked(&bytes, true);
        prop_assert!(answer.starts_with("HTTP/1.1 4") && answer.ends_with('\n'));
    }
}
