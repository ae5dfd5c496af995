//! Where the compiler's checks are lifted is written down, and nowhere else are they.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The page with the list: a row begins with the file.
const PAGE: &str = "docs/privileges.md";

/// Its heading.
const HEADING: &str = "## Where the compiler's checks are lifted";

/// What begins a block, a function, an implementation or an attribute of that kind, and what allows it.
const SIGNS: [&str; 6] =
    ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "[unsafe(", "allow(unsafe_code)"];

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Rust files of all workspaces, by their path from the project's folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            sources(&path, found);
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
}

/// Whether a file has code that is not checked; comments and texts do not count.
fn is_unchecked(path: &Path) -> bool {
    let text = fs::read_to_string(path).unwrap();
    let code = |line: &&str| !line.trim_start().starts_with("//") && !line.contains('"');
    text.lines().filter(code).any(|line| SIGNS.iter().any(|sign| line.contains(sign)))
}

fn listed() -> BTreeSet<String> {
    let page = fs::read_to_string(project().join(PAGE)).unwrap();
    let (_, section) = page.split_once(HEADING).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let files = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    files.map(|(file, _)| file.to_owned()).collect()
}

#[test]
fn the_list_of_unchecked_code_is_complete_and_has_nothing_else() {
    let mut all = Vec::new();
    sources(&project(), &mut all);
    assert!(all.len() > 300, "only {} files were looked at", all.len());
    let unchecked = all.iter().filter(|path| is_unchecked(path));
    let unchecked: BTreeSet<String> =
        unchecked.map(|path| path.strip_prefix(project()).unwrap().display().to_string()).collect();
    assert_eq!(unchecked, listed(), "left: in the tree, right: in {PAGE}");
}

#[test]
fn unchecked_code_is_denied_and_its_proofs_are_asked_for_in_every_crate() {
    let workspace = fs::read_to_string(project().join("Cargo.toml")).unwrap();
    assert!(workspace.contains("\nunsafe_code = \"deny\""));
    assert!(workspace.contains("\nundocumented_unsafe_blocks = \"warn\""));
    let (_, members) = workspace.split_once("members = [").unwrap();
    let members = members.lines().take_while(|line| *line != "]");
    let folders = members.filter_map(|line| line.trim().strip_prefix('"')?.split_once('"'));
    let mut count = 0;
    for (folder, _) in folders {
        let manifest = fs::read_to_string(project().join(folder).join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{folder}");
        count += 1;
    }
    assert!(count > 10, "{count} crates");
}
