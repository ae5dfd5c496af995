//! Any status and headers as the answer to a request for a range, or for the rest: refused, or exactly the bytes that were asked for,
//! of a file of the signed length.
#![no_main]

use std::sync::LazyLock;

use fuzz::input::Input;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use updog::http::{Part, Received, Validator};
use url::Url;

static URL: LazyLock<Url> = LazyLock::new(|| Url::parse("http://localhost/x").expect("it is one"));

const NAMES: [&str; 8] = [
    "content-range",
    "content-type",
    "etag",
    "last-modified",
    "date",
    "content-length",
    "content-encoding",
    "x",
];

const CODES: [u16; 8] = [206, 200, 416, 404, 503, 429, 301, 100];

/// An answer: a byte of status, then lines of a byte that says which header and its value.
fn answer(input: &mut Input<'_>) -> reqwest::Response {
    let code = CODES[usize::from(input.byte() % 8)];
    let mut response = Response::new("");
    *response.status_mut() = StatusCode::from_u16(code).expect("it is one");
    let lines = usize::from(input.byte() % 8);
    for _ in 0..lines {
        let name = HeaderName::from_static(NAMES[usize::from(input.byte() % 8)]);
        let length = usize::from(input.byte() % 64);
        if let Ok(value) = HeaderValue::from_bytes(input.bytes(length)) {
            response.headers_mut().append(name, value);
        }
    }
    response.into()
}

/// First and last byte and the total of a range as RFC 9110 has it, read in another way than the client does.
fn content_range(response: &reqwest::Response) -> Option<(u64, u64, Option<u64>)> {
    let text = response.headers().get("content-range")?.to_str().ok()?;
    let mut fields = text.split(['-', '/', ' ']);
    let ("bytes", first, last, total) =
        (fields.next()?, fields.next()?, fields.next()?, fields.next()?)
    else {
        return None;
    };
    let total = if total == "*" { None } else { Some(total.parse().ok()?) };
    Some((first.parse().ok()?, last.parse().ok()?, total))
}

fuzz::target!(|input| {
    let mut input = Input(input);
    let (total, start, length) =
        (u64::from(input.short()) + 1, u64::from(input.short()), u64::from(input.short()) + 1);
    let start = start % total;
    let end = (start + length).min(total);
    let (before, now) = (answer(&mut input), answer(&mut input));
    let validator = Validator::of(&before);
    let part = Part { url: &URL, total, range: start..end, validator: validator.clone() };
    if let Ok(state) = part.check(&now) {
        assert_eq!(state, Validator::of(&now));
        assert!(validator.is_none_or(|then| then.allows(state.as_ref())));
        let (first, last, whole) = content_range(&now).expect("the range is given");
        assert_eq!((first, last), (start, end - 1));
        assert!(now.status() == 206 && whole.is_none_or(|whole| whole == total));
    }
    let mut received = Received::default();
    (received.length, received.validator) = (start, Validator::of(&before));
    if received.check_rest(&URL, &now, total).is_ok() {
        let (first, last, whole) = content_range(&now).expect("the range is given");
        assert!(first == start && last < total && whole.is_none_or(|whole| whole == total));
    }
});
