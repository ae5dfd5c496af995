//! What is needed to go on with a body that broke off, and to notice that it is no longer the same one.
//!
//! The server is asked for the rest only if the file is still the one whose beginning came ([`Validator`], RFC 9110, section 13.1.5). One that sends
//! it from the first byte again is read past what is there, and both beginnings are compared. The comparison is a checksum: it
//! finds a file that changed early, and says so. What is forged on purpose is found by the signed digest at the end.

use std::ops::Range;

use chrono::DateTime;
use crc32fast::Hasher;
use reqwest::Response;
use reqwest::header::{
    CONTENT_RANGE, DATE, ETAG, HeaderMap, HeaderName, HeaderValue, LAST_MODIFIED,
};

use url::Url;

use super::HttpError;
use super::body::length;
use crate::address::shown;

/// What of a body was sent on already.
#[derive(Clone, Debug, Default)]
pub struct Received {
    /// Bytes from the first on.
    pub length: u64,
    /// Over these bytes.
    sum: Hasher,
    /// Of the answer that began them.
    pub validator: Option<Validator>,
}

impl Received {
    /// Adds the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.sum.update(bytes);
        self.length = self.length.saturating_add(length(bytes));
    }

    /// Whether these are the same bytes.
    pub(crate) fn agrees(&self, other: &Self) -> bool {
        self.length == other.length && self.sum.clone().finalize() == other.sum.clone().finalize()
    }

    /// Whether a partial answer is the rest of a file of `total` bytes: it starts behind what came, in a file as long as the one that was begun, and
    /// of the same state.
    ///
    /// # Errors
    ///
    /// Fails on any other.
    pub fn check_rest(&self, url: &Url, response: &Response, total: u64) -> Result<(), HttpError> {
        let (wanted, got) = (self.length, range_of(response));
        if !is_range(got, wanted, total) {
            let (url, got) = (shown(url), got.to_owned());
            return Err(HttpError::WrongRange { url, wanted, total, got });
        }
        let now = Validator::of(response);
        let same = self.validator.as_ref().is_none_or(|then| then.allows(now.as_ref()));
        if same { Ok(()) } else { Err(HttpError::Changed { url: shown(url) }) }
    }
}

/// A header that stands for one state of a file, fit for `If-Range`: a strong entity tag, or a date that is old enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validator(HeaderValue);

impl Validator {
    /// The one of an answer, if it has any.
    pub fn of(response: &Response) -> Option<Self> {
        Self::among(response.headers())
    }

    fn among(headers: &HeaderMap) -> Option<Self> {
        let tag = headers.get(ETAG).filter(|tag| tag.as_bytes().starts_with(b"\""));
        tag.or_else(|| old_date(headers)).cloned().map(Self)
    }

    /// The one that was written down as this text.
    pub(crate) fn read(text: &str) -> Option<Self> {
        HeaderValue::from_str(text).ok().map(Self)
    }

    /// As it is written down, if it can be.
    pub(crate) fn text(&self) -> Option<&str> {
        self.0.to_str().ok()
    }

    /// Whether it is an entity tag; else it is a date.
    pub(crate) fn is_tag(&self) -> bool {
        self.0.as_bytes().starts_with(b"\"")
    }

    pub(crate) fn header(&self) -> &HeaderValue {
        &self.0
    }

    /// Whether an answer that carries `other` may be of the same state.
    pub fn allows(&self, other: Option<&Self>) -> bool {
        other.is_none_or(|other| !same_kind(self, other) || self == other)
    }
}

fn same_kind(one: &Validator, other: &Validator) -> bool {
    one.is_tag() == other.is_tag()
}

/// A date is exact to the second only: one from within the second of the answer could stand for two states.
fn old_date(headers: &HeaderMap) -> Option<&HeaderValue> {
    let time = |name: HeaderName| {
        let text = headers.get(name)?.to_str().ok()?;
        DateTime::parse_from_rfc2822(text).ok()
    };
    (time(LAST_MODIFIED)? < time(DATE)?).then(|| headers.get(LAST_MODIFIED)).flatten()
}

/// Whether the `Content-Range` of an answer begins at `first` in a file of `total` bytes; the total may be left open.
pub(crate) fn is_range(header: &str, first: u64, total: u64) -> bool {
    parse(header, total).is_some_and(|(start, last)| start == first && last < total)
}

/// Whether the `Content-Range` of an answer is that of `part`, no more and no less, of a file of `total` bytes; the total may be left open.
pub(crate) fn is_part(header: &str, part: &Range<u64>, total: u64) -> bool {
    let end = |last: u64| last.checked_add(1);
    let same = |(start, last)| start == part.start && end(last) == Some(part.end);
    part.end <= total && parse(header, total).is_some_and(same)
}

/// The first and the last byte that a `Content-Range` names, if it is one of a file of `total` bytes.
fn parse(header: &str, total: u64) -> Option<(u64, u64)> {
    let (range, whole) = header.strip_prefix("bytes ")?.split_once('/')?;
    let (start, last) = range.split_once('-')?;
    let of_file = whole == "*" || number(whole) == Some(total);
    of_file.then_some((number(start)?, number(last)?))
}

/// Digits and nothing else.
fn number(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// The `Content-Range` of an answer, or nothing.
pub(crate) fn range_of(response: &Response) -> &str {
    let header = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
    header.unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const OLD: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const NEW: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn validator(headers: &[(HeaderName, &'static str)]) -> Option<String> {
        let headers = headers.iter().cloned();
        let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
        let found = Validator::among(&headers.collect())?;
        Some(found.0.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_strong_tag_is_taken_before_a_date_and_a_weak_one_never() {
        let date = [(LAST_MODIFIED, OLD), (DATE, NEW)];
        let with = |tag| [&[(ETAG, tag)], &date[..]].concat();
        assert_eq!(validator(&with("\"a\"")).unwrap(), "\"a\"");
        assert_eq!(validator(&with("W/\"a\"")).unwrap(), OLD);
        assert_eq!(validator(&[(ETAG, "W/\"a\"")]), None);
    }

    #[test]
    fn a_date_from_within_the_second_of_the_answer_is_none() {
        assert_eq!(validator(&[(LAST_MODIFIED, NEW), (DATE, NEW)]), None);
        assert_eq!(validator(&[(LAST_MODIFIED, OLD)]), None);
        assert_eq!(validator(&[(LAST_MODIFIED, "yesterday"), (DATE, NEW)]), None);
    }

    #[test]
    fn a_tag_says_nothing_about_a_date() {
        let [tag, other, date] =
            ["\"a\"", "\"b\"", OLD].map(|text| Validator(HeaderValue::from_static(text)));
        assert!(tag.allows(Some(&tag)) && tag.allows(None) && tag.allows(Some(&date)));
        assert!(!tag.allows(Some(&other)));
    }

    #[test]
    fn a_range_has_the_start_and_the_total_that_were_expected() {
        assert!(is_range("bytes 5-9/10", 5, 10));
        assert!(is_range("bytes 5-9/*", 5, 10));
        for wrong in [
            "",
            "bytes 6-9/10",
            "bytes 5-9/11",
            "bytes 5-10/10",
            "5-9/10",
            "bytes 5/10",
            "bytes */10",
            "bytes +5-9/10",
        ] {
            assert!(!is_range(wrong, 5, 10), "{wrong}");
        }
    }

    #[test]
    fn a_part_is_the_one_that_was_asked_for() {
        assert!(is_part("bytes 5-7/10", &(5..8), 10));
        assert!(is_part("bytes 5-7/*", &(5..8), 10));
        for wrong in [
            "",
            "bytes 4-7/10",
            "bytes 5-6/10",
            "bytes 5-8/10",
            "bytes 5-7/11",
            "bytes 5-7",
            "bytes 5-18446744073709551615/10",
        ] {
            assert!(!is_part(wrong, &(5..8), 10), "{wrong}");
        }
    }

    #[test]
    fn another_beginning_is_noticed() {
        let [mut one, mut other, mut third] = [(); 3].map(|()| Received::default());
        one.push(b"abc");
        other.push(b"a");
        other.push(b"bc");
        third.push(b"abd");
        assert!(one.agrees(&other) && !one.agrees(&third));
    }
}
