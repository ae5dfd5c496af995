//! Patterns in the words of the crate `regex`, which reads some texts differently than PCRE2.

use super::pattern::PatternError;

/// Sets of characters that have names; they are the same in ASCII on both sides.
const NAMED_SETS: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// A pattern in the words of the crate `regex`.
pub(super) struct Translation<'a> {
    rest: &'a str,
    pub(super) text: String,
    /// The plain characters that it begins with.
    pub(super) prefix: Vec<u8>,
    /// Whether there is nothing else.
    pub(super) exact: bool,
    depth: usize,
    /// What the last character was part of.
    last: Last,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Character,
    Repetition,
    Other,
}

impl<'a> Translation<'a> {
    pub(super) fn of(text: &'a str) -> Result<Self, PatternError> {
        let mut translation = Self {
            rest: text,
            text: String::new(),
            prefix: Vec::new(),
            exact: true,
            depth: 0,
            last: Last::Other,
        };
        while let Some(letter) = translation.next() {
            translation.take(letter)?;
        }
        Ok(translation)
    }

    fn next(&mut self) -> Option<char> {
        let mut letters = self.rest.chars();
        let letter = letters.next()?;
        self.rest = letters.as_str();
        Some(letter)
    }

    fn take(&mut self, letter: char) -> Result<(), PatternError> {
        match letter {
            '\\' => {
                let escaped = self.escaped()?;
                self.character(escaped);
            }
            '*' | '+' | '?' => self.repetition(&letter.to_string())?,
            '{' => {
                let braces = self.braces()?;
                self.repetition(&braces)?;
            }
            '(' => self.open()?,
            '|' if self.depth == 0 => return Err(PatternError::Alternative),
            '[' => {
                let set = self.set()?;
                self.special(&set);
            }
            ')' => {
                self.depth = self.depth.checked_sub(1).ok_or(PatternError::Close)?;
                self.special(")");
            }
            '.' | '^' | '$' | '|' => self.special(&letter.to_string()),
            plain => self.character(plain),
        }
        Ok(())
    }

    /// A character that stands for itself.
    fn character(&mut self, letter: char) {
        self.text.push_str(&regex::escape(&letter.to_string()));
        if self.exact {
            self.prefix.extend_from_slice(letter.to_string().as_bytes());
        }
        self.last = Last::Character;
    }

    fn special(&mut self, text: &str) {
        self.text.push_str(text);
        self.exact = false;
        self.last = Last::Other;
    }

    fn escaped(&mut self) -> Result<char, PatternError> {
        match self.next() {
            None => Err(PatternError::Open('\\')),
            Some(letter) if letter.is_ascii_punctuation() => Ok(letter),
            Some(letter) => Err(PatternError::Escape(letter)),
        }
    }

    fn repetition(&mut self, text: &str) -> Result<(), PatternError> {
        if self.last == Last::Repetition {
            return Err(PatternError::Repetition);
        }
        if self.exact && self.last == Last::Character {
            self.prefix.pop(); // it may be there no time
        }
        self.special(text);
        if let Some(rest) = self.rest.strip_prefix('?') {
            self.rest = rest; // few or many: as a whole it is the same
        }
        self.last = Last::Repetition;
        Ok(())
    }

    fn braces(&mut self) -> Result<String, PatternError> {
        let (inside, rest) = self.rest.split_once('}').ok_or(PatternError::Brace)?;
        let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let (least, most) = inside.split_once(',').unwrap_or((inside, ""));
        if least.is_empty() || !number(least) || !number(most) {
            return Err(PatternError::Brace);
        }
        self.rest = rest;
        Ok(format!("{{{inside}}}"))
    }

    fn open(&mut self) -> Result<(), PatternError> {
        self.depth += 1;
        if self.rest.starts_with("?:") {
            self.rest = &self.rest[2..];
        } else if self.rest.starts_with(['?', '*']) {
            return Err(PatternError::Group);
        }
        self.special("(?:");
        Ok(())
    }

    /// A set of characters: in PCRE2, only `]`, `\`, `-`, and names such as `[:alpha:]` mean something inside.
    fn set(&mut self) -> Result<String, PatternError> {
        let mut set = String::from("[");
        if let Some(rest) = self.rest.strip_prefix('^') {
            self.rest = rest;
            set.push('^');
        }
        let start = self.rest.len();
        loop {
            let first = self.rest.len() == start;
            match self.next().ok_or(PatternError::Open('['))? {
                ']' if !first => break,
                '\\' => {
                    let letter = self.escaped()?;
                    set.push_str(&in_set(letter));
                }
                '-' if self.rest.starts_with('-') => return Err(PatternError::Set('-')),
                '-' => set.push('-'),
                '[' if self.rest.starts_with(':') => set.push_str(&self.named()?),
                '[' if self.rest.starts_with(['.', '=']) => return Err(PatternError::Set('.')),
                letter => set.push_str(&in_set(letter)),
            }
        }
        set.push(']');
        Ok(set)
    }

    /// A named set, `[:alpha:]`.
    fn named(&mut self) -> Result<String, PatternError> {
        let (name, rest) = self.rest[1..].split_once(":]").ok_or(PatternError::Set(':'))?;
        if !NAMED_SETS.contains(&name.strip_prefix('^').unwrap_or(name)) {
            return Err(PatternError::Set(':'));
        }
        self.rest = rest;
        Ok(format!("[:{name}:]"))
    }
}

/// A character of a set.
fn in_set(letter: char) -> String {
    if "[]^-&~\\".contains(letter) { format!("\\{letter}") } else { letter.to_string() }
}
