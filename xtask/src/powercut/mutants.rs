//! The test of the test: our source with one precaution taken away, in a copy, built and tried.
//!
//! `fixtures/mutants.toml` has them. The copy is made of what git knows of the project, with what was changed since; it is built in a folder of
//! its own, so that nothing here is touched.

use std::fs;
use std::path::PathBuf;

use serde::Deserialize;

use super::EXAMPLE;
use crate::command::{PROGRAMS, Run};
use crate::error::Error;
use crate::steps::{Steps, say};
use crate::{Result, place, setup};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listing {
    mutant: Vec<Mutant>,
}

/// A precaution that is taken away.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutant {
    name: String,
    /// What is wrong with it.
    is: String,
    edit: Vec<Edit>,
    /// The operations that are tried.
    operations: Vec<String>,
    /// The part that is run: states or faults.
    only: String,
    /// What the verdict has to contain.
    shows: String,
}

/// A change of a source file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    file: PathBuf,
    /// A text that stands there exactly once.
    find: String,
    replace: String,
}

/// Tries the mutants of these names, or all.
pub(super) fn run(names: &[String], list: bool) -> Result<()> {
    let text = place::read(&place::fixture("mutants.toml"))?;
    let listing: Listing = toml::from_str(&text).map_err(|error| usage(&error.to_string()))?;
    let all = listing.mutant;
    if let Some(name) = names.iter().find(|name| !all.iter().any(|one| one.name == **name)) {
        return Err(usage(&format!("there is no mutant '{name}'; --mutants --list names them")));
    }
    if list {
        all.iter().for_each(|one| say(&format!("  {:<22} {}\n", one.name, one.is)));
        return Ok(());
    }
    let chosen: Vec<&Mutant> =
        all.iter().filter(|one| names.is_empty() || names.contains(&one.name)).collect();
    let mut steps = Steps::new(chosen.len() + 1);
    let copy = steps.step("a copy of the source that is whole loses nothing", || {
        setup::make_venv()?;
        let copy = Copy::make()?;
        let said = copy.passes(&chosen)?;
        Ok((copy, said))
    })?;
    let mut missed = Vec::new();
    for mutant in &chosen {
        let found = steps.step(&mutant.is, || copy.try_out(mutant));
        if let Err(error) = found {
            say(&format!("{error}\n"));
            missed.push(mutant.name.clone());
        }
    }
    let caught = chosen.len() - missed.len();
    say(&format!("\n{caught} of {} mutants were caught in {}\n", chosen.len(), steps.elapsed()));
    if missed.is_empty() { Ok(()) } else { Err(Error::Steps(missed.join(", "))) }
}

fn usage(text: &str) -> Error {
    Error::Usage(text.to_owned())
}

/// A copy of the source.
struct Copy {
    folder: PathBuf,
    built: PathBuf,
}

impl Copy {
    fn make() -> Result<Self> {
        let top = place::target().join("mutants");
        let (folder, built) = (top.join("source"), top.join("built"));
        place::remove_folder(&folder)?;
        let listed = Run::new("git")
            .current_dir(&place::project())
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .run()?
            .stdout;
        for name in listed.split('\0').filter(|name| !name.is_empty()) {
            let (from, to) = (place::project().join(name), folder.join(name));
            // What git knows may be gone by now.
            if !from.is_file() {
                continue;
            }
            place::make_folder(to.parent().unwrap_or(&folder))?;
            fs::copy(&from, &to).map_err(Error::file("copy", &from))?;
        }
        Ok(Self { folder, built })
    }

    /// The whole source, tried as all mutants are.
    fn passes(&self, mutants: &[&Mutant]) -> Result<String> {
        let mut lines = Vec::new();
        for part in ["states", "faults"] {
            let of_part = mutants.iter().filter(|mutant| mutant.only == part);
            let mut operations: Vec<&String> =
                of_part.flat_map(|mutant| &mutant.operations).collect();
            operations.sort();
            operations.dedup();
            if operations.is_empty() {
                continue;
            }
            let (code, said) = self.powercut(&operations, part)?;
            if code != 0 {
                return Err(Error::Steps(format!("the source that is whole:\n{said}")));
            }
            lines.push(said.lines().last().unwrap_or_default().to_owned());
        }
        Ok(lines.join("; "))
    }

    /// Takes the precaution away, tries it, and puts it back.
    fn try_out(&self, mutant: &Mutant) -> Result<((), String)> {
        let changed = mutant.edit.iter().try_for_each(|edit| self.edit(edit));
        let tried = changed.and_then(|()| {
            let operations: Vec<&String> = mutant.operations.iter().collect();
            self.powercut(&operations, &mutant.only)
        });
        for edit in &mutant.edit {
            let (from, to) = (place::project().join(&edit.file), self.folder.join(&edit.file));
            fs::copy(&from, &to).map_err(Error::file("copy", &from))?;
        }
        let (code, said) = tried?;
        let seen = said.lines().find(|line| line.contains(&mutant.shows));
        match seen {
            Some(line) if code != 0 => Ok(((), format!("caught: {}", short(line)))),
            _ => Err(Error::Steps(format!("{} was not caught:\n{said}", mutant.name))),
        }
    }

    fn edit(&self, edit: &Edit) -> Result<()> {
        let path = self.folder.join(&edit.file);
        let text = place::read(&path)?;
        match text.matches(&edit.find).count() {
            1 => place::write(&path, &text.replace(&edit.find, &edit.replace)),
            count => {
                let (file, find) = (edit.file.display(), &edit.find);
                Err(usage(&format!("{file} has this {count} times and not once:\n{find}")))
            }
        }
    }

    /// Builds the copy as it is and tries it; gives the exit code and what was said.
    fn powercut(&self, operations: &[&String], part: &str) -> Result<(i32, String)> {
        let programs = PROGRAMS.iter().chain(&["migrations"]);
        let names = programs.flat_map(|name| ["--package", name]);
        self.cargo().args(["build", "--locked", "--bins"]).args(names).run()?;
        let built = self.built.join("debug");
        let run = self.cargo().args(EXAMPLE).arg("--").args(operations);
        let run = run.args(["--only", part, "--cases", "10", "--again", "3000", "--stride", "5"]);
        let run = run
            .args(["--faults", "2", "--one-fault-of", "1", "--fault-on", "disk.img"])
            .accept(&[0, 1]);
        let finished = run.env("WAYSTONE_PROGRAMS", built).run()?;
        Ok((finished.code, finished.stdout))
    }

    fn cargo(&self) -> Run {
        let python = place::target().join("venv/bin/python");
        let run = Run::cargo().current_dir(&self.folder).env("WAYSTONE_PYTHON", python);
        run.env("CARGO_TARGET_DIR", &self.built)
    }
}

/// A line without what is too long to be read.
fn short(line: &str) -> String {
    line.trim().chars().take(160).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_mutant_can_still_be_made() {
        let text = place::read(&place::fixture("mutants.toml")).unwrap();
        let listing: Listing = toml::from_str(&text).unwrap();
        for mutant in &listing.mutant {
            for Edit { file, find, replace } in &mutant.edit {
                let text = fs::read_to_string(place::project().join(file)).unwrap();
                assert_eq!(text.matches(find).count(), 1, "{}: {find}", mutant.name);
                assert_ne!(find, replace);
            }
        }
    }
}
