//! Migrations as they are published beside a release: a folder with their programs and their list.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::case::{Failure, make_anew};
use super::debian::output;
use super::system::FIRST;

/// Gathers those from the first release to another, by the names of their programs in `fixtures/migrations`, which lie built in `built`.
///
/// # Errors
///
/// Fails if a program is not built, or the folder cannot be made.
pub(super) fn gather(
    folder: &Path,
    built: &Path,
    version: &str,
    programs: &[&str],
) -> Result<(), Failure> {
    make_anew(folder)?;
    let name = |program: &&str| format!("migrate_v{version}_{program}");
    let names: Vec<String> = programs.iter().map(name).collect();
    for (program, name) in programs.iter().zip(&names) {
        let mut strip = Command::new("strip");
        output(strip.arg("-o").arg(folder.join(name)).arg(built.join(program)))?;
    }
    let list = folder.join("migrations.toml");
    let text = format!("[[migrations]]\nfrom = '{FIRST}'\nto = '{version}'\nfiles = {names:?}\n");
    fs::write(&list, text).map_err(|cause| Failure::io("write", &list, &cause))
}
