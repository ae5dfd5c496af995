//! Runs the cases of the virtual machine: all of them, or those that are named by themselves or by their group; `--list` names
//! them, a group after the other. With `--again` a case that fails is tried once more, and both are said: for machines that do other
//! work too.
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
//! Consoles are kept in `vm` in cargo's target folder, one folder a case; of a case that failed, everything is.

#![allow(clippy::print_stdout)]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use e2e::vm::{Trial, all};

fn main() -> ExitCode {
    let (options, wanted): (Vec<String>, Vec<String>) =
        env::args().skip(1).partition(|word| word == "--again");
    let cases = all();
    if wanted.iter().any(|word| word == "--list") {
        list(&cases);
        return ExitCode::SUCCESS;
    }
    let is_meant = |case: &Trial, word: &str| word == case.name || word == case.group;
    let unknown = wanted.iter().find(|word| !cases.iter().any(|case| is_meant(case, word)));
    if let Some(word) = unknown {
        println!("there is no case and no group '{word}'; --list names them");
        return ExitCode::from(2);
    }
    let chosen = cases
        .iter()
        .filter(|case| wanted.is_empty() || wanted.iter().any(|word| is_meant(case, word)));
    let again = !options.is_empty();
    let verdicts: Vec<bool> = chosen
        .map(|case| {
            let held = try_case(case);
            if held || !again {
                return held;
            }
            keep(case);
            try_case(case)
        })
        .collect();
    let passed = verdicts.iter().filter(|held| **held).count();
    println!("{passed} passed, {} failed", verdicts.len() - passed);
    if passed == verdicts.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A line a group and a line a case.
fn list(cases: &[Trial]) {
    let mut group = "";
    for case in cases {
        if group != case.group {
            group = case.group;
            println!("{group}:");
        }
        println!("  {:<32} {}", case.name, case.holds);
    }
}

fn try_case(case: &Trial) -> bool {
    let start = Instant::now();
    let verdict = case.run(&target());
    let seconds = start.elapsed().as_secs_f64();
    if verdict.is_ok() {
        leave_consoles(&target().join("vm").join(case.name));
    }
    match &verdict {
        Ok(()) => println!("ok     {:<32} {seconds:>5.1} s  {}", case.name, case.holds),
        Err(failure) => println!("FAILED {:<32} {seconds:>5.1} s  {failure}", case.name),
    }
    verdict.is_ok()
}

/// Removes what a case made that has passed, but for the consoles: with the disks, all of them take 20 GB.
fn leave_consoles(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let _ = match path.extension() {
            Some(extension) if extension == "console" => continue,
            _ if path.is_dir() => fs::remove_dir_all(path),
            _ => fs::remove_file(path),
        };
    }
}

/// Keeps what a case left that is tried again.
fn keep(case: &Trial) {
    let folder = target().join("vm");
    let (from, to) = (folder.join(case.name), folder.join(format!("{}.failed", case.name)));
    let _ = fs::remove_dir_all(&to);
    let _ = fs::rename(from, to);
}

/// Cargo's target folder: this program is in `debug/examples` in it.
fn target() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    program.ancestors().nth(3).unwrap_or(Path::new("target")).to_owned()
}
