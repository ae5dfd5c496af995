//! The program `repo-tools`; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run("repo-tools", || repo_tools::run(&cli::parse_or_exit(), chrono::Utc::now()))
}
