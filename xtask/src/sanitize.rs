//! `cargo xtask sanitize`: tests under LLVM's address sanitizer, for what the compiler does not check.
//!
//! That is our modules with `unsafe` that run on this computer, and the C code that reads what hosts fetch. The stable compiler has
//! the sanitizer's library and only hides its option, which `RUSTC_BOOTSTRAP` shows: no other toolchain is needed. What is built so lies
//! in a folder of its own. A program that reads behind a buffer is run first, and has to be found out.

use std::path::PathBuf;

use clap::Args;

use crate::command::Run;
use crate::error::Error;
use crate::steps::Steps;
use crate::{Result, place};

/// Where the compiler builds for; being named keeps the flags away from build scripts.
const TRIPLE: &str = if cfg!(target_arch = "aarch64") {
    "aarch64-unknown-linux-gnu"
} else {
    "x86_64-unknown-linux-gnu"
};

/// Has every access of compiled code looked at, and every allocation.
const FLAGS: &str = "-Zsanitizer=address -Cforce-frame-pointers=yes";

/// Leaks are looked for as well, and what is found ends the test with this code.
const OPTIONS: &str = "detect_leaks=1:exitcode=99";

/// What is tested: a name, what it covers, and how cargo is told.
type Suite = (&'static str, &'static str, &'static [&'static str]);

/// Counting allocators have no say beside the sanitizer's, so that tests of memory are left out.
const SUITES: [Suite; 6] = [
    ("lib/watchdog", "the watchdog's ioctl", &["--package", "watchdog", "--lib"]),
    ("initramfs", "device-mapper's request and the ioctl", &["--package", "initramfs", "--lib"]),
    (
        "migrator",
        "what a migration does between fork and exec",
        &["--package", "migrator", "--lib", "--", "run::"],
    ),
    (
        "lib/frames",
        "zstd, as frames and their index are read",
        &["--package", "frames", "--lib", "--test", "index"],
    ),
    (
        "lib/pack",
        "zstd with a window, as pieces are read; ring's digests",
        &["--package", "pack", "--lib", "--test", "golden", "--test", "pieces"],
    ),
    (
        "updog",
        "priorities, and the threads of an installation: O_DIRECT buffers, zstd, lz4",
        // The sanitizer's own allocator takes no advice.
        &[
            "--package",
            "updog",
            "--lib",
            "--",
            "limits::",
            "install::",
            "--skip=the_allocator_can_be_told",
        ],
    ),
];

/// How to run it.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only these: lib/watchdog, initramfs, migrator, lib/frames, lib/pack, updog
    #[arg(value_name = "SUITE", value_parser = SUITES.map(|(name, ..)| name))]
    suites: Vec<String>,
}

/// Runs the suites.
///
/// # Errors
///
/// Fails when a test does, when the sanitizer finds something, and when it would find nothing.
pub(crate) fn run(options: &Options) -> Result<()> {
    let is_chosen =
        |name: &str| options.suites.is_empty() || options.suites.iter().any(|it| it == name);
    let chosen: Vec<&Suite> = SUITES.iter().filter(|(name, ..)| is_chosen(name)).collect();
    let mut steps = Steps::new(chosen.len() + 1);
    steps.step("a read behind a buffer is found", || canary().map(|()| ((), String::new())))?;
    for (name, covers, arguments) in chosen {
        steps.step(&format!("{name}: {covers}"), || {
            let passed = test(arguments)?;
            match passed {
                0 => Err(Error::Untrue(format!("{name} has no test that was run"))),
                _ => Ok(((), format!("{passed} tests passed"))),
            }
        })?;
    }
    Ok(())
}

/// The folder of what is built with the sanitizer.
fn folder() -> PathBuf {
    place::target().join("sanitize")
}

/// Runs tests; how many passed.
fn test(arguments: &[&str]) -> Result<u64> {
    let run = Run::bound_cargo()
        .args(["test", "--locked", "--target", TRIPLE])
        .arg("--target-dir")
        .arg(folder())
        .args(arguments)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", FLAGS)
        .env("ASAN_OPTIONS", OPTIONS)
        .env("PROPTEST_RNG_SEED", "1");
    Ok(run.run()?.stdout.lines().filter_map(passed).sum())
}

/// The number in `test result: ok. 12 passed; …`.
fn passed(line: &str) -> Option<u64> {
    let rest = line.strip_prefix("test result: ok. ")?;
    rest.split_once(" passed")?.0.parse().ok()
}

/// The sanitizer must find what is wrong with a small program.
fn canary() -> Result<()> {
    place::make_folder(&folder())?;
    let program = folder().join("out-of-bounds");
    let source = place::project().join("xtask/canary/out_of_bounds.rs");
    let compile =
        Run::new("rustc").args(["--edition=2024", "--target", TRIPLE]).args(FLAGS.split(' '));
    compile.arg("-o").arg(&program).arg(source).env("RUSTC_BOOTSTRAP", "1").run()?;
    let shown = program.display().to_string();
    let seen = Run::new(&shown).env("ASAN_OPTIONS", OPTIONS).accept(&[0, 99]).run()?;
    match seen.stderr.contains("heap-buffer-overflow") {
        true => Ok(()),
        false => Err(Error::Untrue(format!("the sanitizer lets {shown} read what is not its own"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_that_passed_are_counted() {
        assert_eq!(passed("test result: ok. 12 passed; 0 failed; 0 ignored"), Some(12));
        assert_eq!(passed("test result: FAILED. 11 passed; 1 failed"), None);
        assert_eq!(passed("running 12 tests"), None);
    }
}
