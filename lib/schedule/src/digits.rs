//! Texts of digits in fixed places.

/// Whether a text has the shape of a pattern: a digit where that has a `0`, and the same character elsewhere.
pub(crate) fn shaped(text: &str, pattern: &str) -> bool {
    let same = |(given, wanted): (u8, u8)| match wanted {
        b'0' => given.is_ascii_digit(),
        _ => given == wanted,
    };
    text.len() == pattern.len() && text.bytes().zip(pattern.bytes()).all(same)
}
