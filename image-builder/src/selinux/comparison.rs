//! Random file contexts, as we and as libselinux read them.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;
use std::process::Command;

use proptest::prelude::*;

use super::contexts::FileContexts;
use super::line::{FileType, Line};

/// What patterns are put together of. Two things are left out, since we read them as they are meant and libselinux does not:
/// an escaped character in a first name, and an end of the line in the middle before a last line feed.
const PIECES: [&str; 31] = [
    "a",
    "b",
    "/",
    "/",
    ".",
    "-",
    "&",
    "]",
    "}",
    "<",
    "~",
    "\\.",
    "\\+",
    "\\(",
    "[ab]",
    "[^/]",
    "[a-b]",
    "[]a]",
    "[[a]",
    "[a&&b]",
    "[[:alpha:]]",
    "(a|b)",
    "(/.*)?",
    "(|a",
    ")",
    "(?:a)",
    "*",
    "+",
    "?",
    "{1,2}",
    "*?",
];

fn patterns() -> impl Strategy<Value = String> {
    let pieces = prop::collection::vec(prop::sample::select(&PIECES[..]), 1..7);
    pieces.prop_map(|pieces| format!("/{}", pieces.concat()))
}

/// Paths without an empty name; libselinux would leave it out.
fn paths() -> impl Strategy<Value = String> {
    prop::collection::vec("[ab.+(<&~\\[\\]\n-]{1,3}", 1..4)
        .prop_map(|names| format!("/{}", names.join("/")))
}

fn label_of_libselinux(file: &Path, path: &str) -> Option<String> {
    let mut command = Command::new("selabel_lookup");
    command.env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin").args(["-r", "-b", "file", "-f"]).arg(file);
    let output = command.args(["-k", path, "-t", "32768"]).output();
    let output =
        output.expect("selabel_lookup is missing: install the Debian package selinux-utils");
    let said = String::from_utf8(output.stdout).unwrap();
    said.strip_prefix("Default context: ").map(|label| label.trim_end().to_owned())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn random_patterns_that_are_taken_mean_what_libselinux_means(
        patterns in prop::collection::vec(patterns(), 1..12),
        paths in prop::collection::vec(paths(), 6),
    ) {
        let lines = patterns.iter().enumerate().map(|(at, text)| format!("{text} u:r:t{at}\n"));
        let text: String = lines.filter(|line| Line::parse(line).is_ok()).collect();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("contexts");
        std::fs::write(&file, format!("/.* u:r:else\n{text}")).unwrap();
        let mut contexts = FileContexts::default();
        contexts.add_lines(&format!("/.* u:r:else\n{text}")).unwrap();
        for path in paths {
            let label = contexts.label(path.as_bytes(), FileType::Regular);
            let label = label.map(|label| label.as_str().to_owned());
            prop_assert_eq!(label, label_of_libselinux(&file, &path), "{:?} by\n{}", path, text);
        }
    }

    #[test]
    fn whatever_a_line_is_it_is_taken_or_refused(line in "[ -~\t\u{e4}]{0,40}") {
        let _ = Line::parse(&line);
        let _ = Line::parse(&format!("/{line} u:r:t"));
    }
}
