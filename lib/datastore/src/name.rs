//! File names of keys.
//!
//! All but ASCII letters, digits, `_` and `-` is percent-encoded, with capital hexadecimal digits, so that a dot that is there for itself sets
//! metadata apart. Each name has one form only: another encoding of it is no name.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-');

/// A segment as a file name.
pub(crate) fn encode(segment: &str) -> String {
    utf8_percent_encode(segment, ENCODED).to_string()
}

/// How long a segment is as a file name, in bytes.
pub(crate) fn encoded_length(segment: &str) -> usize {
    let is_kept = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    segment.bytes().map(|byte| if is_kept(byte) { 1 } else { 3 }).sum()
}

/// The segment that a file name stands for.
pub(crate) fn decode(name: &str) -> Option<String> {
    let segment = percent_decode_str(name).decode_utf8().ok()?;
    (encode(&segment) == name).then(|| segment.into_owned())
}

/// What a file is for: the last segment of its key, and the name of the metadata, if it is that.
pub(crate) fn of_file(name: &str) -> Option<(String, Option<String>)> {
    match name.split_once('.') {
        Some((segment, metadata)) => Some((decode(segment)?, Some(decode(metadata)?))),
        None => Some((decode(name)?, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_a_value_or_its_metadata() {
        let of =
            |name| of_file(name).map(|(segment, metadata)| (segment, metadata.unwrap_or_default()));
        let pair = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(of("name"), pair("name", ""));
        assert_eq!(of("name.strength"), pair("name", "strength"));
        assert_eq!(of("a%2Eb.setting-generator"), pair("a.b", "setting-generator"));
    }

    #[test]
    fn the_length_is_known_before() {
        for char in (0..=0x17F).filter_map(char::from_u32) {
            let segment = format!("a{char}b");
            assert_eq!(encoded_length(&segment), encode(&segment).len(), "{segment:?}");
        }
    }

    #[test]
    fn a_name_has_one_form_only() {
        for name in ["a b", "a%2eb", "%61", "a%", "a%FF", "a.b.c", "a~", "ä"] {
            assert_eq!(of_file(name), None, "{name}");
        }
    }
}
