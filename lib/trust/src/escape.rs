//! Names from a repository as one plain file name and one segment of an address.

use std::fmt::Write;

/// `name` with every byte escaped (`%2F`) that is no letter, no digit and none of `_.-~`.
///
/// What comes out holds no slash, no drive, no query; a dot in the first place is escaped too, so that it is neither
/// hidden nor `..`. Role and target names of the usual kind come out as they are.
pub fn escape(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for (index, byte) in name.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || b"_-~".contains(&byte);
        if plain || (byte == b'.' && index > 0) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leaves_its_folder() {
        assert_eq!(escape("2.targets.json"), "2.targets.json");
        assert_eq!(escape("../x"), "%2E.%2Fx");
        assert_eq!(escape("1.a/b?#%\\ é\0.json"), "1.a%2Fb%3F%23%25%5C%20%C3%A9%00.json");
        assert_eq!(escape(".."), "%2E.");
    }
}
