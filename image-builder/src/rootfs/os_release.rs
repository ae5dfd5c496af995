//! The os-release of a root filesystem: fields of the form `NAME=value`, one a line.
//!
//! See os-release(5). Only whole lines are replaced or added; everything else stays as it is.

/// The text of an os-release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OsRelease(String);

impl OsRelease {
    /// A text; bytes that are no UTF-8 are replaced.
    pub fn new(bytes: &[u8]) -> Self {
        Self(String::from_utf8_lossy(bytes).into_owned())
    }

    /// The value of a field, without quotes. The last one counts, as for a shell.
    pub fn field(&self, key: &str) -> Option<String> {
        self.0.lines().rev().find_map(|line| value(line, key)).map(unquoted)
    }

    /// Sets a field to a value of letters, digits and `._+-`.
    pub fn set(&mut self, key: &str, new: &str) {
        let others = self.0.lines().filter(|line| value(line, key).is_none());
        let mut text: String = others.flat_map(|line| [line, "\n"]).collect();
        text.push_str(&format!("{key}=\"{new}\"\n"));
        self.0 = text;
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.trim_start().strip_prefix(key)?.strip_prefix('=')
}

fn unquoted(value: &str) -> String {
    let value = value.trim();
    let inner = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(value).replace('\\', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_with_and_without_quotes() {
        let text = OsRelease::new(b"# ID=no\nID=debian\nVERSION_ID=\"12\"\nNAME='A B'\nID=last\n");
        assert_eq!(text.field("ID").as_deref(), Some("last"));
        assert_eq!(text.field("VERSION_ID").as_deref(), Some("12"));
        assert_eq!(text.field("NAME").as_deref(), Some("A B"));
        assert_eq!(text.field("VERSION"), None);
    }

    #[test]
    fn a_set_field_replaces_all_lines_of_its_own_and_no_other() {
        let mut text = OsRelease::new(b"VERSION_ID=\"12\"\nVERSION=x\nVERSION_ID=13");
        text.set("VERSION_ID", "1.2.0");
        assert_eq!(text.as_str(), "VERSION=x\nVERSION_ID=\"1.2.0\"\n");
        text.set("VARIANT_ID", "v");
        assert_eq!(text.field("VARIANT_ID").as_deref(), Some("v"));
    }
}
