//! Manual pages and completions of a host's programs, from their command lines; and the page of the configuration.
//!
//! The command lines are the libraries' own, so that no program carries what only a package needs.

use std::path::Path;

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use super::configuration;
use crate::error::Error;
use crate::{Result, place};

/// Section of the manual for programs of administrators.
const SECTION: &str = "8";

/// Folder and shell of each completion.
const SHELLS: [(&str, Shell); 3] =
    [("bash", Shell::Bash), ("zsh", Shell::Zsh), ("fish", Shell::Fish)];

/// Writes all of them below a folder, in place of what is there: `man`, and a folder a shell.
///
/// # Errors
///
/// Fails when a file cannot be written, or the configuration is not written as its page needs it.
pub(super) fn write(folder: &Path) -> Result<()> {
    place::remove_folder(folder)?;
    let manual = folder.join("man");
    place::make_folder(&manual)?;
    for command in commands() {
        write_manual(command.clone(), &manual)?;
        write_completions(command, folder)?;
    }
    let page = configuration::page(&place::read(&place::project().join(configuration::SOURCE))?);
    place::write(&manual.join("updog.toml.5"), &page)
}

/// The command lines of a host's programs.
fn commands() -> [Command; 3] {
    [
        migrator::program::Args::command(),
        signpost::program::Args::command(),
        updog::Arguments::command(),
    ]
}

/// A page for the program, and one for each of its subcommands.
fn write_manual(command: Command, folder: &Path) -> Result<()> {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    write_page(command, folder)
}

fn write_page(command: Command, folder: &Path) -> Result<()> {
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        write_page(below.clone(), folder)?;
    }
    let page = Man::new(command).section(SECTION).manual("Waystone");
    let source = concat!("waystone ", env!("CARGO_PKG_VERSION"));
    page.source(source).generate_to(folder).map_err(Error::file("write a page to", folder))?;
    Ok(())
}

/// What shells complete a program with, under the names by which they look for it.
fn write_completions(mut command: Command, folder: &Path) -> Result<()> {
    let name = command.get_name().to_owned();
    for (shell, generator) in SHELLS {
        let folder = folder.join(shell);
        place::make_folder(&folder)?;
        let file = match generator {
            Shell::Zsh => format!("_{name}"),
            Shell::Fish => format!("{name}.fish"),
            _ => name.clone(),
        };
        let mut text = Vec::new();
        clap_complete::generate(generator, &mut command, &name, &mut text);
        std::fs::write(folder.join(file), text).map_err(Error::file("write", &folder))?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_subcommand_has_a_page_and_every_shell_its_completions() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path()).unwrap();
        for command in commands() {
            let name = command.get_name();
            for below in command.get_subcommands() {
                let page = format!("man/{name}-{}.8", below.get_name());
                let text = place::read(&folder.path().join(&page)).unwrap();
                assert!(text.contains(".SH SYNOPSIS"), "{page}");
            }
            for file in
                [format!("bash/{name}"), format!("zsh/_{name}"), format!("fish/{name}.fish")]
            {
                assert!(place::read(&folder.path().join(&file)).unwrap().contains(name), "{file}");
            }
        }
    }

    #[test]
    fn pages_refer_to_pages_that_are_there() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path()).unwrap();
        let manual = folder.path().join("man");
        let updog = place::read(&manual.join("updog.8")).unwrap().replace('\\', "");
        let named: Vec<&str> = updog.split_whitespace().filter(|it| it.ends_with("(8)")).collect();
        assert!(named.contains(&"updog-update(8)"), "{named:?}");
        for page in named {
            assert!(manual.join(page.replace("(8)", ".8")).is_file(), "{page}");
        }
    }
}
