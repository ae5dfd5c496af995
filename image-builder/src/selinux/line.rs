//! Lines of file contexts: `PATTERN [TYPE] LABEL`.

use super::pattern::{Pattern, PatternError};

/// One line.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) pattern: Pattern,
    /// The only type that it is for.
    pub(super) file_type: Option<FileType>,
    /// None for files that keep their label, which in a new image is none.
    pub(super) label: Option<Label>,
}

/// Types of files that labels can depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileType {
    /// `--`
    Regular,
    /// `-d`
    Directory,
    /// `-l`
    Symlink,
    /// `-c`
    CharacterDevice,
    /// `-b`
    BlockDevice,
    /// `-p`
    Fifo,
    /// `-s`; no image holds one.
    Socket,
}

/// A security context, `user:role:type:range`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(String);

/// A line that is not taken.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// Not two fields and not three.
    #[error("it has {0} fields, not two or three")]
    Fields(usize),
    /// The first field.
    #[error("the pattern '{text}' is not taken")]
    Pattern {
        /// The pattern.
        text: String,
        /// Why.
        source: PatternError,
    },
    /// The second of three.
    #[error("'{0}' is no type of file")]
    FileType(String),
    /// The last.
    #[error("'{0}' is no label")]
    Label(String),
}

impl Line {
    /// Reads a line; nothing for one that says nothing.
    pub(super) fn parse(line: &str) -> Result<Option<Self>, LineError> {
        let line = line.trim_start_matches(space);
        if line.is_empty() || line.starts_with('#') {
            return Ok(None);
        }
        let fields: Vec<&str> = line.split(space).filter(|field| !field.is_empty()).collect();
        let (pattern, file_type, label) = match *fields {
            [pattern, label] => (pattern, None, label),
            [pattern, file_type, label] => (pattern, Some(FileType::parse(file_type)?), label),
            _ => return Err(LineError::Fields(fields.len())),
        };
        let label = if label == "<<none>>" { None } else { Some(Label::parse(label)?) };
        let pattern = Pattern::parse(pattern)
            .map_err(|source| LineError::Pattern { text: pattern.to_owned(), source })?;
        Ok(Some(Self { pattern, file_type, label }))
    }

    pub(super) fn matches(&self, path: &[u8], file_type: FileType) -> bool {
        self.file_type.is_none_or(|only| only == file_type) && self.pattern.matches(path)
    }
}

/// What C takes for space.
pub(super) fn space(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r')
}

impl FileType {
    fn parse(text: &str) -> Result<Self, LineError> {
        Ok(match text {
            "--" => Self::Regular,
            "-d" => Self::Directory,
            "-l" => Self::Symlink,
            "-c" => Self::CharacterDevice,
            "-b" => Self::BlockDevice,
            "-p" => Self::Fifo,
            "-s" => Self::Socket,
            _ => return Err(LineError::FileType(text.to_owned())),
        })
    }
}

impl Label {
    /// User, role and type are needed; the range is there if the policy has levels.
    fn parse(text: &str) -> Result<Self, LineError> {
        let parts: Vec<&str> = text.splitn(4, ':').collect();
        let named = parts.len() >= 3 && parts.iter().all(|part| !part.is_empty());
        if named && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(LineError::Label(text.to_owned()))
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_line_may_be_for_one_type_of_files() {
        let line = Line::parse("/dev/a\t-c  u:object_r:a_t:s0\n").unwrap().unwrap();
        assert!(line.matches(b"/dev/a", FileType::CharacterDevice));
        assert!(!line.matches(b"/dev/a", FileType::BlockDevice));
        let line = Line::parse("/dev/a u:object_r:a_t").unwrap().unwrap();
        assert!(line.matches(b"/dev/a", FileType::BlockDevice));
        assert_eq!(line.label, Some(Label("u:object_r:a_t".into())));
        assert_eq!(Line::parse("/a <<none>>").unwrap().unwrap().label, None);
    }

    #[test]
    fn comments_and_empty_lines_say_nothing() {
        for line in ["", "\n", "  # /a u:r:t", "#"] {
            assert!(Line::parse(line).unwrap().is_none(), "{line:?}");
        }
    }

    #[test]
    fn other_lines_are_refused() {
        for line in
            ["/a", "/a -- u:r:t more", "/a -x u:r:t", "/a u:r", "/a u::t", "/a u:r:", "a u:r:t"]
        {
            assert!(Line::parse(line).is_err(), "{line}");
        }
    }
}
