//! Finding files in a tree.

use super::{Content, InodeKind, RootPath, Tree};

/// Links that are followed before a path counts as endless, as the kernel does.
const MAX_LINKS: usize = 40;

/// A file that could not be found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// No file matches.
    #[error("there is no file /{0} in the root filesystem")]
    NotFound(String),
    /// Several files match.
    #[error("/{pattern} stands for more than one file in the root filesystem: {matches}")]
    Ambiguous {
        /// What was looked for.
        pattern: String,
        /// The first few.
        matches: String,
    },
}

impl Tree {
    /// The path behind all symbolic links of `path`, as the booted system would resolve it.
    pub fn resolve(&self, path: &RootPath) -> Option<RootPath> {
        let mut links = 0;
        let mut left: Vec<Vec<u8>> = reversed_names(path.as_bytes());
        let mut at = RootPath::root();
        while let Some(name) = left.pop() {
            match name.as_slice() {
                b"" | b"." => continue,
                b".." => {
                    at = at.parent().unwrap_or_default();
                    continue;
                }
                _ => {}
            }
            let next = at.child(&name);
            let InodeKind::Symlink(target) = &self.inode(&next)?.kind else {
                at = next;
                continue;
            };
            links += 1;
            if links > MAX_LINKS {
                return None;
            }
            if target.first() == Some(&b'/') {
                at = RootPath::root();
            }
            left.extend(reversed_names(target));
        }
        Some(at)
    }

    /// The one file that `pattern` stands for; `*` and `?` match characters of one name.
    ///
    /// # Errors
    ///
    /// Fails when there is none, or more than one.
    pub fn find_file(&self, pattern: &str) -> Result<(RootPath, &Content), LookupError> {
        let mut found = self.matching(pattern);
        match (found.pop(), found.is_empty()) {
            (Some(file), true) => Ok(file),
            (None, _) => Err(LookupError::NotFound(pattern.to_owned())),
            (Some(last), false) => {
                found.push(last);
                let names: Vec<String> =
                    found.iter().take(5).map(|(path, _)| path.to_string()).collect();
                Err(LookupError::Ambiguous {
                    pattern: pattern.to_owned(),
                    matches: names.join(", "),
                })
            }
        }
    }

    fn matching(&self, pattern: &str) -> Vec<(RootPath, &Content)> {
        if !pattern.contains(['*', '?']) {
            let path = RootPath::parse(pattern.as_bytes()).ok();
            return path.and_then(|path| self.file(&path)).into_iter().collect();
        }
        let names: Vec<&[u8]> = pattern.as_bytes().split(|byte| *byte == b'/').collect();
        let matches = |path: &RootPath| {
            path.names().count() == names.len()
                && path.names().zip(&names).all(|(name, pattern)| name_matches(pattern, name))
        };
        self.entries()
            .filter(|(path, ..)| matches(path))
            .filter_map(|(path, ..)| self.file(path))
            .collect()
    }

    /// The file behind a path and its links.
    pub(crate) fn file(&self, path: &RootPath) -> Option<(RootPath, &Content)> {
        let path = self.resolve(path)?;
        match &self.inode(&path)?.kind {
            InodeKind::File(content) => Some((path, content)),
            _ => None,
        }
    }
}

fn reversed_names(path: &[u8]) -> Vec<Vec<u8>> {
    path.split(|byte| *byte == b'/').rev().map(<[u8]>::to_vec).collect()
}

/// Whether `name` is what `pattern` stands for.
fn name_matches(pattern: &[u8], name: &[u8]) -> bool {
    // After a mismatch the last star takes one byte more: no recursion, at most |pattern| × |name| steps.
    let (mut at, mut in_name, mut star) = (0, 0, None);
    while in_name < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, in_name));
                at += 1;
            }
            Some(byte) if *byte == b'?' || *byte == name[in_name] => {
                at += 1;
                in_name += 1;
            }
            _ => {
                let Some((star_at, taken)) = star else { return false };
                star = Some((star_at, taken + 1));
                (at, in_name) = (star_at + 1, taken + 1);
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rootfs::{Inode, Metadata};

    fn tree(files: &[&str], links: &[(&str, &str)]) -> Tree {
        let mut tree = Tree::default();
        let files = files
            .iter()
            .map(|name| (*name, InodeKind::File(Content::Bytes((*name).as_bytes().into()))));
        let links =
            links.iter().map(|(name, to)| (*name, InodeKind::Symlink(to.as_bytes().to_vec())));
        for (name, kind) in files.chain(links) {
            let path = RootPath::parse(name.as_bytes()).expect("a plain path");
            tree.insert(&path, Inode { metadata: Metadata::default(), kind })
                .expect("a free place");
        }
        tree
    }

    fn find(tree: &Tree, pattern: &str) -> Result<String, LookupError> {
        tree.find_file(pattern).map(|(path, _)| path.to_string())
    }

    #[test]
    fn patterns_stand_for_exactly_one_file() {
        let tree = tree(
            &["boot/vmlinuz-6.1", "boot/initrd-6.1", "boot/initrd-6.2", "boot/x/vmlinuz-6.3"],
            &[],
        );
        assert_eq!(find(&tree, "boot/vmlinuz-*").as_deref(), Ok("/boot/vmlinuz-6.1"));
        assert_eq!(
            find(&tree, "boot/initrd-6.?2"),
            Err(LookupError::NotFound("boot/initrd-6.?2".into()))
        );
        assert_eq!(find(&tree, "boot"), Err(LookupError::NotFound("boot".into())));
        match find(&tree, "boot/initrd-*") {
            Err(LookupError::Ambiguous { matches, .. }) => {
                assert_eq!(matches, "/boot/initrd-6.1, /boot/initrd-6.2");
            }
            other => assert!(other.is_ok() && other.is_err(), "{other:?}"),
        }
    }

    #[test]
    fn links_are_followed_inside_the_tree_only() {
        let links = [
            ("vmlinuz", "boot/k"),
            ("etc/os-release", "../usr/lib/os-release"),
            ("abs", "/usr/lib/os-release"),
            ("out", "../../../../usr/lib/os-release"),
            ("lib", "usr/lib"),
            ("loop", "loop"),
            ("gone", "nothing"),
        ];
        let tree = tree(&["boot/k", "usr/lib/os-release"], &links);
        assert_eq!(find(&tree, "vmlinuz").as_deref(), Ok("/boot/k"));
        for name in ["etc/os-release", "abs", "out", "lib/os-release"] {
            assert_eq!(find(&tree, name).as_deref(), Ok("/usr/lib/os-release"), "{name}");
        }
        for name in ["loop", "gone"] {
            assert!(find(&tree, name).is_err(), "{name}");
        }
    }

    #[test]
    fn stars_take_any_characters_of_one_name() {
        for (pattern, name, wanted) in [
            ("*", "", true),
            ("a*b*c", "axxbyybzc", true),
            ("a*b*c", "axxbyybz", false),
            ("?", "", false),
            ("**a", "bba", true),
            ("a", "ab", false),
        ] {
            assert_eq!(
                name_matches(pattern.as_bytes(), name.as_bytes()),
                wanted,
                "{pattern} {name}"
            );
        }
    }
}
