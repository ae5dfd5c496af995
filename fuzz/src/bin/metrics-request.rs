//! Any bytes as a request for metrics: one answer, which is whole, and the metrics only for who asks for them.
#![no_main]

use std::io::{Write, pipe};
use std::time::Duration;

use chrono::DateTime;
use fuzz::limits;
use updog::seen::http::answer;

/// What is asked for.
const METRICS: &str = "updog_up 1\n";

fuzz::target!(|input| {
    let (reader, mut writer) = pipe().expect("there are descriptors");
    // The longest input fits into a pipe.
    writer.write_all(input).expect("somebody reads");
    drop(writer);
    let (mut told, mut asked) = (Vec::new(), false);
    let metrics = || {
        asked = true;
        METRICS.to_owned()
    };
    let limit = Duration::from_secs(5);
    let answered = limits::within(64 << 10, || {
        answer(&reader, &mut told, limit, DateTime::UNIX_EPOCH, metrics)
    });
    answered.expect("memory takes every byte");
    let told = String::from_utf8(told).expect("an answer is text");
    let (head, body) = told.split_once("\r\n\r\n").expect("a head ends");
    assert_eq!(head.starts_with("HTTP/1.1 200 OK\r\n"), asked);
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    let length: usize = length.and_then(|text| text.parse().ok()).expect("it says how long it is");
    // A HEAD has none.
    assert!(body.len() == length || (asked && body.is_empty()));
    assert_eq!(body.contains("updog_up"), asked && !body.is_empty());
});
