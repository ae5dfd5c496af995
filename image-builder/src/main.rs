//! Builds images and disks from root filesystems. See the library's documentation.

mod args;
mod run;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: args::Args = cli::parse_or_exit();
    cli::run("image-builder", || run::run(&args))
}
