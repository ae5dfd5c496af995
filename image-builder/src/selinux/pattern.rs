//! The paths that a line of file contexts stands for.
//!
//! libselinux hands the text to PCRE2, byte by byte and with `.` for line feeds too; here it goes to the crate `regex`, which knows
//! no backtracking. What both read alike is taken; what they would read differently, and what differs between versions of
//! libselinux, is refused: look-around and options, possessive quantifiers, escaped letters and digits, alternatives
//! outside parentheses.

use regex::bytes::{Regex, RegexBuilder};

use super::translation::Translation;

/// A set of paths.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    /// One path.
    Exact(Vec<u8>),
    /// All paths that a regular expression matches as a whole.
    Regex {
        /// What all of them begin with: most paths are told apart by it.
        prefix: Vec<u8>,
        /// The expression.
        regex: Box<Regex>,
    },
}

/// A pattern that is not taken.
#[derive(Debug, thiserror::Error)]
pub enum PatternError {
    /// It does not begin at the root, or has a byte that no pattern has.
    #[error("it is no text of ASCII that begins with '/'")]
    Text,
    /// An escape that is no plain character.
    #[error("'\\{0}' is not known here: only punctuation can be escaped")]
    Escape(char),
    /// It ends in the middle.
    #[error("it ends inside of '{0}'")]
    Open(char),
    /// A group that was not opened.
    #[error("a ')' has no '('")]
    Close,
    /// A group of a special kind.
    #[error("of the groups that begin with '(?', only '(?:' is known here")]
    Group,
    /// A repetition of a repetition.
    #[error("a repetition cannot be repeated or made possessive here")]
    Repetition,
    /// A brace that is no repetition.
    #[error("a '{{' must begin a repetition, such as '{{2}}', or be escaped")]
    Brace,
    /// An alternative outside of parentheses.
    #[error("alternatives need parentheses: versions of libselinux differ without them")]
    Alternative,
    /// A set of characters that is read differently.
    #[error("'[{0}' inside of a set of characters is not known here")]
    Set(char),
    /// It is no regular expression.
    #[error("it is no regular expression")]
    Regex(#[source] Box<regex::Error>),
}

impl Pattern {
    /// Reads the first field of a line.
    pub(super) fn parse(text: &str) -> Result<Self, PatternError> {
        if !text.starts_with('/') || !text.is_ascii() {
            return Err(PatternError::Text);
        }
        let translated = Translation::of(text)?;
        if translated.exact {
            return Ok(Self::Exact(translated.prefix));
        }
        // With a line feed at its end, a path matches too.
        let whole = format!("^(?:{})\n?\\z", translated.text);
        let regex = RegexBuilder::new(&whole).unicode(false).dot_matches_new_line(true).build();
        let regex = regex.map_err(|source| PatternError::Regex(source.into()))?;
        let stem = stem(text).map(|stem| [stem.as_bytes(), b"/"].concat()).unwrap_or_default();
        let longest = if stem.len() > translated.prefix.len() { stem } else { translated.prefix };
        Ok(Self::Regex { prefix: longest, regex: regex.into() })
    }

    /// Whether a path is one of its paths.
    pub(super) fn matches(&self, path: &[u8]) -> bool {
        match self {
            Self::Exact(exact) => exact == without_line_feed(path),
            Self::Regex { prefix, regex } => path.starts_with(prefix) && regex.is_match(path),
        }
    }
}

/// A path without a line feed at its end: PCRE2's end of a text is before it too.
pub(super) fn without_line_feed(path: &[u8]) -> &[u8] {
    path.strip_suffix(b"\n").unwrap_or(path)
}

/// The first name of a pattern if it is plain: libselinux compares it and the slash behind it before all else, so that
/// `/opt/?x` does not match `/optx`.
fn stem(text: &str) -> Option<&str> {
    let end = text[1..].find('/')? + 1;
    let plain = |byte: u8| !b".^$?*+|[({\\".contains(&byte);
    text[..end].bytes().all(plain).then(|| &text[..end])
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn matching<'a>(pattern: &str, paths: &[&'a str]) -> Vec<&'a str> {
        let pattern = Pattern::parse(pattern).unwrap();
        paths.iter().copied().filter(|path| pattern.matches(path.as_bytes())).collect()
    }

    #[test]
    fn a_pattern_stands_for_whole_paths() {
        let paths = ["/usr", "/usr/", "/usr/bin", "/usrx", "/x/usr"];
        assert_eq!(matching("/usr(/.*)?", &paths), ["/usr", "/usr/", "/usr/bin"]);
        assert_eq!(matching("/usr", &paths), ["/usr"]);
        assert_eq!(matching("/usr/[^/]*", &paths), ["/usr/", "/usr/bin"]);
    }

    #[test]
    fn a_plain_first_name_is_compared_with_its_slash() {
        assert_eq!(matching("/opt/?x", &["/optx", "/opt/x"]), ["/opt/x"]);
    }

    #[test]
    fn points_stand_for_line_feeds_too() {
        assert_eq!(matching("/a.b", &["/a\nb", "/a.b", "/ab"]), ["/a\nb", "/a.b"]);
    }

    #[test]
    fn repeated_characters_are_not_part_of_what_must_be_there() {
        assert_eq!(matching("/ab?c", &["/ac", "/abc"]), ["/ac", "/abc"]);
        assert_eq!(matching("/ab{0,1}c", &["/ac", "/abc"]), ["/ac", "/abc"]);
        assert_eq!(matching("/a\\+*c", &["/ac", "/a++c"]), ["/ac", "/a++c"]);
    }

    #[test]
    fn sets_mean_what_pcre_means() {
        assert_eq!(matching("/[[]", &["/[", "/]"]), ["/["]);
        assert_eq!(matching("/[]]", &["/[", "/]"]), ["/]"]);
        assert_eq!(matching("/[^]a]", &["/b", "/]", "/a"]), ["/b"]);
        assert_eq!(matching("/[a&&b]", &["/a", "/&", "/b", "/c"]), ["/a", "/&", "/b"]);
        assert_eq!(matching("/[a~~b]", &["/~", "/c"]), ["/~"]);
        assert_eq!(matching("/[[:digit:]_-]", &["/7", "/_", "/-", "/a"]), ["/7", "/_", "/-"]);
        assert_eq!(matching("/[a^\\]-]", &["/^", "/]", "/-", "/b"]), ["/^", "/]", "/-"]);
    }

    #[test]
    fn escaped_punctuation_stands_for_itself() {
        assert_eq!(matching("/a\\<b", &["/a<b", "/ab"]), ["/a<b"]);
        assert_eq!(matching("/lost\\+found", &["/lost+found", "/losttfound"]), ["/lost+found"]);
        assert_eq!(matching("/a}]", &["/a}]"]), ["/a}]"]);
    }

    #[test]
    fn what_would_be_read_differently_is_refused() {
        for text in [
            "usr",
            "/\u{e4}",
            "",
            "/a\\d",
            "/a\\",
            "/[a",
            "/(?i)a",
            "/(?=a)",
            "/(*UTF)a",
            "/a++",
            "/a**",
            "/a*?+",
            "/a{,3}",
            "/a{b",
            "/a|/b",
            "/(a",
            "/a)",
            "/a)(b",
            "/[a--z]",
            "/[[:nothing:]]",
            "/[[.a.]]",
            "/*(a",
        ] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}
