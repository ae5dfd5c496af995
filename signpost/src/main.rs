//! `signpost`: shows and changes which set of partitions boots. See `signpost --help`.

mod program;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run("signpost", || program::run(&cli::parse_or_exit()))
}
