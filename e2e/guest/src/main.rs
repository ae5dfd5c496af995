//! The first program of the virtual machine's root filesystem, and all that a small host has beside our programs.
//!
//! Says what runs and reads what it is there to read. If it was given steps it mounts its state, brings up the network, takes
//! the steps, and gives its verdict; then it switches the machine off. A step that a release brings along is taken first: so a
//! bad one behaves badly whatever it was asked to.
//!
//! Every line begins with `guest: `, so that a test finds it among the kernel's. The last is the verdict; a machine that stops
//! without one has failed. By other names, or as another process than the first, it is what a host needs programs for:
//! see [`errand`].

#![allow(clippy::print_stdout)]

mod errand;
mod facts;
mod kills;
mod netlink;
mod places;
mod room;
mod settings;
mod steps;

use std::process::ExitCode;

use rustix::system::{RebootCommand, reboot};

fn main() -> ExitCode {
    if std::process::id() != 1 {
        return errand::run();
    }
    match facts::tell().and_then(|()| steps::take_all()) {
        Ok(()) => println!("guest: verdict: up"),
        Err(error) => println!("guest: verdict: {error}"),
    }
    rustix::fs::sync();
    let error = reboot(RebootCommand::PowerOff);
    println!("guest: cannot switch off: {error:?}");
    ExitCode::FAILURE
}
