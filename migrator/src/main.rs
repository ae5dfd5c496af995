//! `migrator`: carries a host's settings to another version. See `migrator --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run("migrator", || migrator::program::run(&cli::parse_or_exit()))
}
