//! `cargo xtask fuzz`: one fuzz target for a while.
//!
//! The targets are programs of libFuzzer, built by the stable compiler: the flags that have LLVM count which edges were
//! taken are stable ones. What only a nightly compiler has is the address sanitizer, which finds little in code
//! without `unsafe`. What was found interesting is kept in `fuzz/corpus`, what failed in `fuzz/artifacts`.

use std::path::Path;
use std::process::Command;

use clap::Args;

use crate::command::Run;
use crate::error::Error;
use crate::{Result, place};

/// The targets, by name.
const TARGETS: [&str; 6] = [
    "frames-index",
    "pack-head",
    "tuf-canonical",
    "tuf-differential",
    "tuf-metadata",
    "tuf-repository",
];

/// Where the compiler builds for; being named keeps the flags away from build scripts.
const TRIPLE: &str = if cfg!(target_arch = "aarch64") {
    "aarch64-unknown-linux-gnu"
} else {
    "x86_64-unknown-linux-gnu"
};

/// Has every edge counted, and comparisons shown to the fuzzer.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing";

/// What to fuzz, and for how long.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// One of: frames-index, pack-head, tuf-canonical, tuf-differential, tuf-metadata, tuf-repository
    #[arg(value_name = "TARGET", value_parser = TARGETS)]
    target: String,
    /// How long
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u32,
}

/// Builds the target and runs it.
pub(crate) fn run(options: &Options) -> Result<()> {
    let folder = place::project().join("fuzz");
    let built = place::target().join("fuzz");
    Run::cargo()
        .args(["build", "--release", "--locked", "--target", TRIPLE, "--bin", &options.target])
        .arg("--manifest-path")
        .arg(folder.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&built)
        .env("RUSTFLAGS", FLAGS)
        .run()?;
    let corpus = folder.join("corpus").join(&options.target);
    let artifacts = folder.join("artifacts").join(&options.target);
    place::make_folder(&corpus)?;
    place::make_folder(&artifacts)?;
    fuzz(&built.join(TRIPLE).join("release").join(&options.target), &corpus, &artifacts, options)
}

/// The fuzzer's own output goes where ours goes.
fn fuzz(program: &Path, corpus: &Path, artifacts: &Path, options: &Options) -> Result<()> {
    let status = Command::new(program)
        .arg(corpus)
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(format!("-max_total_time={}", options.seconds))
        .args(["-rss_limit_mb=512", "-timeout=10", "-print_final_stats=1"])
        .status()
        .map_err(|source| Error::Start { program: options.target.clone(), source })?;
    if status.success() {
        Ok(())
    } else {
        Err(Error::Steps(format!("fuzz target {}", options.target)))
    }
}
