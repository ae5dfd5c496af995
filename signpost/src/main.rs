//! `signpost`: shows and changes which set of partitions boots. See `signpost --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run("signpost", || signpost::program::run(&cli::parse_or_exit()))
}
