//! Inputs to begin with: in `fixtures/fuzz`, a folder a target.
//!
//! What our own makers make has a name that says what it is; what a run has found has its digest as its name.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::engine::{Engine, corpus_of};
use super::targets::Target;
use crate::command::Run;
use crate::error::Error;
use crate::steps::say;
use crate::{Result, place};

/// The most bytes that a target's folder takes of what runs have found, and the most files.
const MOST: (u64, usize) = (24 << 10, 160);

/// Makes the inputs that are made.
pub(super) fn make_seeds() -> Result<()> {
    let folder = place::fixture("fuzz");
    let run = Run::cargo().args(["run", "--quiet", "--locked", "--example", "seeds"]);
    run.arg("--manifest-path")
        .arg(place::project().join("fuzz/Cargo.toml"))
        .arg("--target-dir")
        .arg(place::target().join("fuzz-seeds"))
        .arg("--")
        .arg(&folder)
        .run()?;
    say(&format!("made {}\n", folder.display()));
    Ok(())
}

/// Makes the corpus smaller, and commits a part of it: the smallest that add something.
pub(super) fn minimise(engine: &Engine, target: &Target) -> Result<()> {
    let (fixtures, merged) = (place::fixture("fuzz").join(target.name), merged(target));
    let corpus = corpus_of(target);
    place::make_folder(&corpus)?;
    place::remove_folder(&merged)?;
    place::make_folder(&merged)?;
    let made: Vec<PathBuf> = files(&fixtures)?.into_iter().filter(|file| !is_found(file)).collect();
    for file in files(&fixtures)? {
        copy(&file, if is_found(&file) { &corpus } else { &merged })?;
    }
    engine.merge(target, &merged)?;
    place::remove_folder(&corpus)?;
    place::rename(&merged, &corpus)?;
    let kept = choose(files(&corpus)?, &names(&made))?;
    files(&fixtures)?.iter().filter(|file| is_found(file)).try_for_each(|file| remove(file))?;
    kept.iter().try_for_each(|file| copy(file, &fixtures))?;
    let (count, total) = (kept.len(), made.len() + kept.len());
    say(&format!("{:20} {count} found inputs of {total} in {}\n", target.name, fixtures.display()));
    Ok(())
}

fn merged(target: &Target) -> PathBuf {
    place::target().join("fuzz/merged").join(target.name)
}

/// The smallest, as many as there is room for, but those of these names.
fn choose(files: Vec<PathBuf>, but: &BTreeSet<String>) -> Result<Vec<PathBuf>> {
    let mut sized: Vec<(u64, PathBuf)> = Vec::new();
    for file in files.into_iter().filter(|file| !but.contains(&name(file))) {
        sized.push((place::length(&file)?, file));
    }
    sized.sort_unstable();
    let (mut left, count) = MOST;
    let mut chosen = Vec::new();
    for (length, file) in sized.into_iter().take(count) {
        let Some(rest) = left.checked_sub(length) else { break };
        left = rest;
        chosen.push(file);
    }
    Ok(chosen)
}

/// Whether an input was found by a run: its name is a digest.
fn is_found(file: &Path) -> bool {
    let name = name(file);
    name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn names(files: &[PathBuf]) -> BTreeSet<String> {
    files.iter().map(|file| name(file)).collect()
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = Error::file("read", folder);
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
    Ok(entries.map_err(read)?.into_iter().map(|entry| entry.path()).collect())
}

fn copy(file: &Path, folder: &Path) -> Result<()> {
    fs::copy(file, folder.join(name(file))).map(drop).map_err(Error::file("copy", file))
}

fn remove(file: &Path) -> Result<()> {
    fs::remove_file(file).map_err(Error::file("remove", file))
}
