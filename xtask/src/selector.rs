//! `cargo xtask selector`: the programs that firmware starts, built with whichever compiler can.
//!
//! Programs for firmware need a standard library for firmware. Rustup has one ready-made; where it cannot be had, Debian's
//! newest compiler (rustc-web) builds it from its source (rust-web-src) and links with lld. Both leave the programs
//! in the same place. `WAYSTONE_UEFI_COMPILER` or `--with` names one of them; else the first that works is taken.

use std::env;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use cli::ByteCount;

use crate::command::Run;
use crate::error::Error;
use crate::packages::{Need, find_program};
use crate::steps::say;
use crate::{Result, place, setup};

/// Names the compiler for every command that builds these programs.
const VARIABLE: &str = "WAYSTONE_UEFI_COMPILER";

/// The profile, which is also the folder's name.
const PROFILE: &str = "selector";

/// The most that the selector may have, in bytes: it is read before anything else, from the slowest place.
const LIMIT: u64 = 128 << 10;

/// What to build, and with what.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Whose compiler [default: the first that works, or what WAYSTONE_UEFI_COMPILER names]
    #[arg(long, value_enum, value_name = "COMPILER")]
    with: Option<Compiler>,
    /// Which machines it is for; for 64-bit Arm it is only checked that it compiles
    #[arg(long, value_enum, default_value = "x86_64")]
    arch: Arch,
}

/// Where the compiler's library for firmware comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Compiler {
    /// The compiler in use, with the library that rustup has for it
    Rustup,
    /// The packages rustc-web, rust-web-src and lld
    Debian,
}

/// Architecture of the firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Arch {
    /// 64-bit x86
    #[value(name = "x86_64")]
    X86,
    /// 64-bit Arm
    #[value(name = "aarch64")]
    Arm,
}

/// Builds or checks, and says what came of it.
pub(crate) fn run(options: &Options) -> Result<()> {
    let said = match options.arch {
        Arch::X86 => build_with(options.with)?,
        Arch::Arm => check_arm_with(options.with)?,
    };
    say(&format!("{said}\n"));
    Ok(())
}

/// Builds the selector, and what stands in for a kernel in tests and benches, and says with what and how long the selector is.
///
/// # Errors
///
/// Fails when no compiler can, and when the selector is too long.
pub(crate) fn build() -> Result<String> {
    build_with(None)
}

/// Sees whether the selector compiles for 64-bit Arm.
///
/// # Errors
///
/// Fails when it does not.
pub(crate) fn check_arm() -> Result<String> {
    check_arm_with(None)
}

/// The selector, once it is built.
pub(crate) fn program() -> PathBuf {
    folder().join("boot-selector.efi")
}

/// The folder with the programs, once they are built.
pub(crate) fn folder() -> PathBuf {
    place::target().join(Arch::X86.target()).join(PROFILE)
}

fn build_with(wanted: Option<Compiler>) -> Result<String> {
    let compiler = compiler(wanted, Arch::X86)?;
    let what = ["--bin", "boot-selector", "--examples", "--profile", PROFILE];
    compiler.cargo("build", Arch::X86)?.args(what).run()?;
    let length = place::length(&program())?;
    let shown = format!("{} in {}", ByteCount(length), program().display());
    if length > LIMIT {
        return Err(Error::Untrue(format!(
            "the selector has {shown}, not {} at most",
            ByteCount(LIMIT)
        )));
    }
    Ok(format!("{shown}, {}", compiler.says()))
}

fn check_arm_with(wanted: Option<Compiler>) -> Result<String> {
    let compiler = compiler(wanted, Arch::Arm)?;
    compiler.cargo("check", Arch::Arm)?.args(["--bins", "--examples"]).run()?;
    Ok(format!("compiles for {}, {}", Arch::Arm.target(), compiler.says()))
}

/// The compiler that was asked for, or else the first that can.
fn compiler(wanted: Option<Compiler>, arch: Arch) -> Result<Compiler> {
    let named = env::var(VARIABLE).ok().filter(|name| !name.is_empty());
    let named = named.map(|name| {
        let unknown = |_| Error::Usage(format!("{VARIABLE} is '{name}', not 'rustup' or 'debian'"));
        Compiler::from_str(&name, false).map_err(unknown)
    });
    let wanted = wanted.map_or(named.transpose()?, Some);
    let compiler = match wanted {
        Some(compiler) => compiler,
        None if rustup_can(arch).is_ok() => Compiler::Rustup,
        None => Compiler::Debian,
    };
    match compiler {
        Compiler::Rustup => rustup_can(arch)?,
        Compiler::Debian => drop(setup::install_packages(&[Need::Firmware])?),
    }
    Ok(compiler)
}

/// Sees to it that the compiler in use has a library for firmware.
fn rustup_can(arch: Arch) -> Result<()> {
    let target = arch.target();
    let libraries = Run::new("rustc").args(["--print", "target-libdir", "--target", target]).run();
    let there = libraries.is_ok_and(|said| PathBuf::from(said.stdout.trim()).exists());
    if there {
        return Ok(());
    }
    if find_program("rustup").is_none() {
        return Err(Error::Untrue(format!(
            "rustc has no library for {target}, and there is no rustup"
        )));
    }
    Run::new("rustup").args(["target", "add", target]).run().map(drop)
}

impl Compiler {
    fn says(self) -> &'static str {
        match self {
            Self::Rustup => "by rustup's target",
            Self::Debian => "by Debian's rustc-web",
        }
    }

    /// Cargo at work on the selector's package.
    fn cargo(self, command: &str, arch: Arch) -> Result<Run> {
        let run = Run::cargo().args([command, "--locked", "--package", "boot-selector"]);
        let run = run.args(["--target", arch.target()]);
        match self {
            Self::Rustup => Ok(run),
            Self::Debian => Ok(from_source(run, arch)),
        }
    }
}

/// The library is built too. Its source is for this very compiler, which lets only itself and those who ask for it build it.
fn from_source(run: Run, arch: Arch) -> Run {
    let linker = arch.target().to_uppercase().replace('-', "_");
    run.args([
        "-Zbuild-std=core,alloc,compiler_builtins",
        "-Zbuild-std-features=compiler-builtins-mem",
    ])
    .env("RUSTC", "/usr/bin/rustc")
    .env("RUSTC_BOOTSTRAP", "1")
    .env(&format!("CARGO_TARGET_{linker}_LINKER"), "lld-link")
}

impl Arch {
    fn target(self) -> &'static str {
        match self {
            Self::X86 => "x86_64-unknown-uefi",
            Self::Arm => "aarch64-unknown-uefi",
        }
    }
}
