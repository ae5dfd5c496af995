//! `migrator new`: the source of a migration, to begin with.
//!
//! What is written is a crate that is whole: it compiles, and its test passes. Nothing that is there already is written over.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use cli::Outcome;
use semver::Version;
use serde::Serialize;
use serde_json::Value;

use super::args::version;
use super::error::ProgramError;

/// What is written, by its place in the folder.
const TEMPLATES: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../../templates/migration/Cargo.toml.in")),
    ("README.md", include_str!("../../templates/migration/README.md.in")),
    ("src/lib.rs", include_str!("../../templates/migration/src/lib.rs.in")),
    ("src/main.rs", include_str!("../../templates/migration/src/main.rs.in")),
    ("tests/round_trip.rs", include_str!("../../templates/migration/tests/round_trip.rs.in")),
];

/// The crate `migration` where no folder is given.
const FROM_REGISTRY: &str = r#"version = "0.1""#;

#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// What the migration is about, such as `hostname`: letters a to z, digits and `-`
    #[arg(value_parser = name)]
    name: String,

    /// The folder in which the new one is made
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,

    /// The release that the migration leads to
    #[arg(long, value_name = "VERSION", value_parser = version)]
    release: Option<Version>,

    /// Where the crate `migration` lies, instead of a registry
    #[arg(long, value_name = "PATH")]
    migration_crate: Option<PathBuf>,

    /// Report as JSON on standard output
    #[arg(long)]
    json: bool,
}

/// What was written.
#[derive(Serialize)]
struct Written {
    /// The new folder.
    folder: PathBuf,
    /// What lies in it.
    files: Vec<&'static str>,
    /// The name that the program is published under.
    publish_as: String,
}

/// Writes the crate, and says what comes next.
pub(crate) fn run(args: &NewArgs) -> Result<Outcome, ProgramError> {
    let source = source(args.migration_crate.as_deref())?;
    let folder = args.dir.join(&args.name);
    fs::create_dir(&folder).map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => ProgramError::Exists { path: folder.clone() },
        _ => ProgramError::Write { path: folder.clone(), source },
    })?;
    for (place, template) in TEMPLATES {
        write(&folder.join(place), &filled(template, args, &source))?;
    }
    let files = TEMPLATES.iter().map(|(place, _)| *place).collect();
    report(args, &Written { folder, files, publish_as: publish_as(args) })?;
    Ok(Outcome::Done)
}

/// Where the crate `migration` comes from, as Cargo is told.
fn source(folder: Option<&Path>) -> Result<String, ProgramError> {
    let Some(folder) = folder else { return Ok(FROM_REGISTRY.to_owned()) };
    let failed = |source| ProgramError::Crate { path: folder.to_owned(), source };
    let manifest = fs::canonicalize(folder.join("Cargo.toml")).map_err(failed)?;
    let text = manifest.parent().and_then(Path::to_str);
    let text = text.ok_or_else(|| failed(io::Error::other("its path is no text")))?;
    // A JSON string is a TOML string, too.
    Ok(format!("path = {}", Value::from(text)))
}

fn filled(template: &str, args: &NewArgs, source: &str) -> String {
    let release = args.release.as_ref().map_or_else(|| "VERSION".to_owned(), Version::to_string);
    template
        .replace("{{name}}", &args.name)
        .replace("{{library}}", &args.name.replace('-', "_"))
        .replace("{{release}}", &release)
        .replace("{{publish_as}}", &publish_as(args))
        .replace("{{source}}", source)
}

/// The name that the program is published under, with a word for what is not known yet.
fn publish_as(args: &NewArgs) -> String {
    let release = args.release.as_ref().map_or_else(|| "VERSION".to_owned(), Version::to_string);
    format!("migrate_v{release}_{}", args.name)
}

fn write(path: &Path, text: &str) -> Result<(), ProgramError> {
    let write = || {
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        File::create_new(path)?.write_all(text.as_bytes())
    };
    write().map_err(|source| ProgramError::Write { path: path.to_owned(), source })
}

fn report(args: &NewArgs, written: &Written) -> io::Result<()> {
    if args.json {
        return cli::print_json(written);
    }
    let folder = written.folder.display();
    let text = format!(
        "{folder} is a new migration, which changes nothing yet\n  \
         say what it changes in {folder}/src/lib.rs\n  \
         test it: cargo test --manifest-path {folder}/Cargo.toml\n  \
         build and publish it as {}: {folder}/README.md says how\n",
        written.publish_as,
    );
    io::stdout().lock().write_all(text.as_bytes())
}

/// A name that can be part of a file's name and of a crate's.
fn name(text: &str) -> Result<String, String> {
    let is_plain = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-';
    match !text.is_empty() && text.chars().all(is_plain) {
        true => Ok(text.to_owned()),
        false => Err("a name has letters a to z, digits and `-`, and nothing else".to_owned()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_plain() {
        for plain in ["a", "ntp-servers", "2-to-3"] {
            assert_eq!(name(plain).unwrap(), plain);
        }
        for odd in ["", "A", "a_b", "a/b", "..", "a b", "ä"] {
            assert!(name(odd).is_err(), "{odd}");
        }
    }
}
