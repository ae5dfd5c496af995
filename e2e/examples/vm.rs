//! Runs the cases of the virtual machine: all of them, or those that are named; `--list` names them.
//!
//! What they run is built before:
//!
//! ```text
//! cargo build -p boot-selector --bin boot-selector --example announce --target x86_64-unknown-uefi --profile selector
//! cargo first-program -p initramfs -p guest
//! cargo build --release -p image-builder -p repo-tools -p signpost -p updog
//! ```
//!
//! Debian's kernel is downloaded once; `WAYSTONE_KERNEL` names a folder with `boot` and `lib/modules` to be used instead.
//! Consoles are kept in `vm` in cargo's target folder, one folder a case.

#![allow(clippy::print_stdout)]

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use e2e::vm::{Trial, all};

fn main() -> ExitCode {
    let wanted: Vec<String> = env::args().skip(1).collect();
    let cases = all();
    if wanted.iter().any(|word| word == "--list") {
        cases.iter().for_each(|case| println!("{:<28} {}", case.name, case.holds));
        return ExitCode::SUCCESS;
    }
    let unknown = wanted.iter().find(|name| !cases.iter().any(|case| case.name == **name));
    if let Some(name) = unknown {
        println!("there is no case '{name}'; --list names them");
        return ExitCode::from(2);
    }
    let chosen = cases
        .iter()
        .filter(|case| wanted.is_empty() || wanted.iter().any(|name| name == case.name));
    let verdicts: Vec<bool> = chosen.map(try_case).collect();
    let passed = verdicts.iter().filter(|held| **held).count();
    println!("{passed} passed, {} failed", verdicts.len() - passed);
    if passed == verdicts.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn try_case(case: &Trial) -> bool {
    let start = Instant::now();
    let verdict = case.run(&target());
    let seconds = start.elapsed().as_secs_f64();
    match &verdict {
        Ok(()) => println!("ok     {:<28} {seconds:>5.1} s  {}", case.name, case.holds),
        Err(failure) => println!("FAILED {:<28} {seconds:>5.1} s  {failure}", case.name),
    }
    verdict.is_ok()
}

/// Cargo's target folder: this program is in `debug/examples` in it.
fn target() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    program.ancestors().nth(3).unwrap_or(Path::new("target")).to_owned()
}
