//! Path patterns of delegations: the shell's wildcards, none of which crosses a slash.
//!
//! `*` is any run of characters, `?` is one, `[abc]`, `[a-z]` and `[!a]` are one of a set; a bracket that is never closed
//! stands for itself. The work is at most the product of the two lengths: only the last `*` is ever tried again. Reading a
//! pattern takes room in proportion to its length, which [`MAX_PATTERN`] bounds.

/// Length of the longest pattern in bytes; no target has a name nearly as long.
pub(crate) const MAX_PATTERN: usize = 4096;

/// Whether `path` as a whole fits `pattern`, piece by piece between the slashes.
pub(crate) fn matches(pattern: &str, path: &str) -> bool {
    let mut pieces = path.split('/');
    let mut patterns = pattern.split('/');
    loop {
        match (patterns.next(), pieces.next()) {
            (None, None) => return true,
            (Some(pattern), Some(piece)) if fits(pattern, piece) => {}
            _ => return false,
        }
    }
}

/// One thing that a pattern asks for.
enum Item<'a> {
    Any,
    One,
    Literal(char),
    Set { members: &'a [char], negated: bool },
}

impl Item<'_> {
    fn accepts(&self, found: char) -> bool {
        match self {
            Self::Any | Self::One => true,
            Self::Literal(wanted) => *wanted == found,
            Self::Set { members, negated } => contains(members, found) != *negated,
        }
    }
}

fn fits(pattern: &str, piece: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let items = items(&pattern);
    let piece: Vec<char> = piece.chars().collect();
    let (mut item, mut at) = (0, 0);
    // Where to go on if what follows the last star does not fit: one character later.
    let mut retry: Option<(usize, usize)> = None;
    while at < piece.len() {
        match items.get(item) {
            Some(Item::Any) => {
                retry = Some((item, at));
                item += 1;
            }
            Some(wanted) if wanted.accepts(piece[at]) => {
                item += 1;
                at += 1;
            }
            _ => {
                let Some((star, from)) = retry else { return false };
                retry = Some((star, from + 1));
                item = star + 1;
                at = from + 1;
            }
        }
    }
    items[item..].iter().all(|rest| matches!(rest, Item::Any))
}

fn items(pattern: &[char]) -> Vec<Item<'_>> {
    let mut items = Vec::with_capacity(pattern.len());
    let mut at = 0;
    // Where one bracket is not closed, none after it is.
    let mut closed = true;
    while let Some(&next) = pattern.get(at) {
        at += 1;
        items.push(match next {
            '*' => Item::Any,
            '?' => Item::One,
            '[' if closed => match set(&pattern[at..]) {
                Some((set, length)) => {
                    at += length;
                    set
                }
                None => {
                    closed = false;
                    Item::Literal('[')
                }
            },
            literal => Item::Literal(literal),
        });
    }
    items
}

/// The set that opens before `rest`, and how far it goes; a bracket in the first place is a member.
fn set(rest: &[char]) -> Option<(Item<'_>, usize)> {
    let negated = rest.first() == Some(&'!');
    let start = usize::from(negated);
    let close = rest.iter().skip(start + 1).position(|found| *found == ']')? + start + 1;
    Some((Item::Set { members: &rest[start..close], negated }, close + 1))
}

fn contains(members: &[char], found: char) -> bool {
    let mut rest = members;
    loop {
        match rest {
            [low, '-', high, more @ ..] => {
                if (*low..=*high).contains(&found) {
                    return true;
                }
                rest = more;
            }
            [one, more @ ..] => {
                if *one == found {
                    return true;
                }
                rest = more;
            }
            [] => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_wildcard_crosses_a_slash() {
        assert!(matches("releases/*/*", "releases/x/x_v1"));
        for path in ["releases/x", "releases/x/y/z", "releases", "x/releases/a/b"] {
            assert!(!matches("releases/*/*", path), "{path}");
        }
        assert!(!matches("*", "a/b"));
        assert!(!matches("a?b", "a/b"));
        assert!(!matches("a[!x]b", "a/b"));
    }

    #[test]
    fn wildcards_are_those_of_the_shell() {
        let good = [
            ("*", ""),
            ("*.tgz", ".tgz"),
            ("*a*b*c", "xxaybzbc"),
            ("foo-?.tgz", "foo-é.tgz"),
            ("[ab]", "b"),
            ("[a-c]x", "bx"),
            ("[!a-c]x", "dx"),
            ("[]]", "]"),
            ("[-a]", "-"),
            ("a[b", "a[b"),
            ("[[!]", "!"),
            ("[a][b[c", "a[b[c"),
            ("[b/[a]", "[b/a"),
        ];
        for (pattern, path) in good {
            assert!(matches(pattern, path), "{pattern} {path}");
        }
        let bad =
            [("*.tgz", "a.tg"), ("?", ""), ("[!a]", "a"), ("A", "a"), ("[a-c]", "d"), ("", "a")];
        for (pattern, path) in bad {
            assert!(!matches(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn many_open_brackets_take_no_time() {
        let pattern = "[".repeat(1 << 20);
        assert!(matches(&pattern, &pattern));
        assert!(!matches(&pattern, "["));
    }

    #[test]
    fn many_stars_take_no_time() {
        let pattern = "*a".repeat(2000);
        assert!(!matches(&pattern, &"a".repeat(1999)));
        assert!(matches(&pattern, &"a".repeat(2000)));
        assert!(!matches(&format!("{pattern}b"), &"a".repeat(4000)));
    }
}
