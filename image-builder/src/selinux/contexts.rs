//! File contexts: which label a path has.
//!
//! The rules of `selabel_file(5)`: of the lines that match, one without special characters goes before all others, and of two
//! alike the later one wins; `.homedirs` follows the file itself, and `.local` that. Substitutions come before all
//! matching: those of `.subs`, then those of `.subs_dist`.

use std::collections::HashMap;

use super::line::{FileType, Label, Line, LineError};
use super::pattern::{Pattern, without_line_feed};
use super::substitution::Substitutions;

/// All file contexts of a policy.
#[derive(Clone, Debug, Default)]
pub struct FileContexts {
    /// Lines with a path of their own, in the order of their files.
    exact: HashMap<Vec<u8>, Vec<Line>>,
    /// The other lines, in the order of their files.
    patterns: Vec<Line>,
    local: Substitutions,
    distribution: Substitutions,
}

/// What libselinux looks for beside the file, in the order in which it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Companion {
    Homedirs,
    Local,
    Substitutions,
    DistributionSubstitutions,
}

impl Companion {
    pub(super) const ALL: [Self; 4] =
        [Self::Homedirs, Self::Local, Self::Substitutions, Self::DistributionSubstitutions];

    /// What its name has behind that of the file.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::Homedirs => ".homedirs",
            Self::Local => ".local",
            Self::Substitutions => ".subs",
            Self::DistributionSubstitutions => ".subs_dist",
        }
    }
}

impl FileContexts {
    /// Adds the lines of a file; the number of a line that is refused comes with the reason.
    ///
    /// # Errors
    ///
    /// Refuses a line that libselinux would read otherwise, or not at all.
    pub fn add_lines(&mut self, text: &str) -> Result<(), (usize, LineError)> {
        for (number, line) in (1..).zip(text.lines()) {
            match Line::parse(line).map_err(|error| (number, error))? {
                None => {}
                Some(line) => self.add(line),
            }
        }
        Ok(())
    }

    /// Adds the text of a companion.
    pub(super) fn add_companion(
        &mut self,
        companion: Companion,
        text: &str,
    ) -> Result<(), (usize, LineError)> {
        match companion {
            Companion::Homedirs | Companion::Local => self.add_lines(text)?,
            Companion::Substitutions => self.local = Substitutions::parse(text),
            Companion::DistributionSubstitutions => self.distribution = Substitutions::parse(text),
        }
        Ok(())
    }

    fn add(&mut self, line: Line) {
        match &line.pattern {
            Pattern::Exact(path) => self.exact.entry(path.clone()).or_default().push(line),
            Pattern::Regex { .. } => self.patterns.push(line),
        }
    }

    /// The label of a path that begins at the root; none if no line matches, or if the one that does gives none.
    pub fn label(&self, path: &[u8], file_type: FileType) -> Option<&Label> {
        let substituted = self.substitute(path);
        let path = substituted.as_deref().unwrap_or(path);
        let exact = self.exact.get(without_line_feed(path)).into_iter().flatten();
        let line = exact.rev().chain(self.patterns.iter().rev());
        line.into_iter().find(|line| line.matches(path, file_type))?.label.as_ref()
    }

    fn substitute(&self, path: &[u8]) -> Option<Vec<u8>> {
        let local = self.local.apply(path);
        let distribution = self.distribution.apply(local.as_deref().unwrap_or(path));
        distribution.or(local)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn label(contexts: &FileContexts, path: &str) -> Option<String> {
        let label = contexts.label(path.as_bytes(), FileType::Regular);
        label.map(|label| label.as_str().to_owned())
    }

    #[test]
    fn exact_lines_go_before_patterns_and_later_lines_before_earlier_ones() {
        let mut contexts = FileContexts::default();
        contexts
            .add_lines("/a/b u:r:exact\n/a/b -d u:r:folder\n/a/.* u:r:first\n/a/[a-z] u:r:second\n/a/none <<none>>")
            .unwrap();
        assert_eq!(label(&contexts, "/a/b").as_deref(), Some("u:r:exact"));
        assert_eq!(label(&contexts, "/a/c").as_deref(), Some("u:r:second"));
        assert_eq!(label(&contexts, "/a/cc").as_deref(), Some("u:r:first"));
        assert_eq!(label(&contexts, "/a/none"), None);
        assert_eq!(label(&contexts, "/b"), None);
        contexts.add_companion(Companion::Local, "/a/.* u:r:third\n").unwrap();
        assert_eq!(label(&contexts, "/a/c").as_deref(), Some("u:r:third"));
        assert_eq!(label(&contexts, "/a/b").as_deref(), Some("u:r:exact"));
    }

    #[test]
    fn local_substitutions_come_before_those_of_the_distribution() {
        let mut contexts = FileContexts::default();
        contexts.add_lines("/usr/lib/.* u:r:lib\n/c/.* u:r:c\n/a/.* u:r:a\n").unwrap();
        contexts.add_companion(Companion::Substitutions, "/a /b\n/x /c\n").unwrap();
        let distribution = "/b /usr/lib\n/a /c\n";
        contexts.add_companion(Companion::DistributionSubstitutions, distribution).unwrap();
        assert_eq!(label(&contexts, "/a/x").as_deref(), Some("u:r:lib"));
        assert_eq!(label(&contexts, "/x/x").as_deref(), Some("u:r:c"));
        assert_eq!(label(&contexts, "/b/x").as_deref(), Some("u:r:lib"));
    }

    #[test]
    fn the_line_that_is_refused_is_named() {
        let refused = FileContexts::default().add_lines("# one\n\n/a(b u:r:t\n").unwrap_err();
        assert_eq!(refused.0, 3);
        assert!(refused.1.to_string().contains("/a(b"), "{}", refused.1);
    }
}
