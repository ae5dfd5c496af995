//! The project's own commands, as `cargo xtask NAME`.
//!
//! One file a subcommand; what they share is in the files that no subcommand is named after. Nothing here is part of
//! what is shipped, and nothing here decides how a release is built, published or installed: it runs the
//! programs as a user would and looks at what they did.

mod bench;
mod command;
mod demo;
mod error;
mod fuzz;
mod host;
mod keys;
mod metrics;
mod package;
mod packages;
mod partition;
mod place;
mod powercut;
mod release;
mod rootfs;
mod sanitize;
mod selector;
mod server;
mod setup;
mod sources;
mod steps;
mod test;
mod tuf_client;
mod vm;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::Error;

/// Commands of the project: try it, test it, measure it.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The main job: from a root filesystem to an updated and a rolled-back host.
    Demo(demo::Options),
    /// Everything that continuous integration runs.
    Test(test::Options),
    /// Installs what the other commands need, or names it.
    Setup(setup::Options),
    /// Cases in the virtual machine: the firmware starts the boot selector, and what it does is looked at.
    Vm(vm::Options),
    /// Power cuts, failing disks and killed programs, for everything that changes a disk.
    Powercut(powercut::Options),
    /// The programs that firmware starts, built with whichever compiler can.
    Selector(selector::Options),
    /// Keys for trying Secure Boot out, and firmware variables that know them.
    Keys(keys::Options),
    /// The client that the TUF conformance suite runs, and the suite.
    TufClient(tuf_client::Options),
    /// Fuzz targets for a while, with limits on time and memory.
    Fuzz(fuzz::Options),
    /// Tests under the address sanitizer, for what the compiler does not check.
    Sanitize(sanitize::Options),
    /// A Debian package of a host's programs, with units, manual pages and completions.
    Package(package::Options),
    /// Ratios against peers, both sides in one run.
    Bench(bench::Options),
    /// What hosts tell Prometheus, read by the real programs.
    Metrics(metrics::Options),
}

fn main() -> ExitCode {
    cli::run("cargo xtask", || {
        match cli::parse_or_exit::<Arguments>().command {
            Command::Demo(options) => demo::run(&options),
            Command::Test(options) => test::run(&options),
            Command::Setup(options) => setup::run(&options),
            Command::Vm(options) => vm::run(&options),
            Command::Powercut(options) => powercut::run(&options),
            Command::Selector(options) => selector::run(&options),
            Command::Keys(options) => keys::run(&options),
            Command::TufClient(options) => tuf_client::run(&options),
            Command::Fuzz(options) => fuzz::run(&options),
            Command::Sanitize(options) => sanitize::run(&options),
            Command::Package(options) => package::run(&options),
            Command::Bench(options) => bench::run(&options),
            Command::Metrics(options) => metrics::run(&options),
        }
        .map(|()| cli::Outcome::Done)
    })
}

/// The result of anything here that can fail.
type Result<T> = std::result::Result<T, Error>;
