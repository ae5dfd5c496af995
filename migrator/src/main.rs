//! `migrator`: carries a host's settings to another version. See `migrator --help`.

mod program;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run("migrator", || program::run(&cli::parse_or_exit()))
}
