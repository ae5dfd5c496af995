//! `cargo xtask test`: everything that continuous integration runs, and nothing else.

use clap::Args;

use crate::Result;
use crate::command::Run;
use crate::error::Error;
use crate::packages::{Need, find_program};
use crate::steps::{Steps, say};
use crate::{fuzz, place, powercut, selector, setup, vm};

/// How to test.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Goes on after a failure, to see every step that fails.
    #[arg(long)]
    keep_going: bool,
    /// Leaves the demo out.
    #[arg(long)]
    no_demo: bool,
    /// Leaves the virtual machine out.
    #[arg(long)]
    no_machine: bool,
}

/// A step: what it is and what it runs.
type Step = (&'static str, fn() -> Result<String>);

const STEPS: [Step; 12] = [
    ("setup", set_up),
    ("format", || cargo(&["fmt", "--all", "--check", "--", "--color=never"])),
    ("lints", || {
        cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])
    }),
    ("dependencies", deny),
    ("boot selector", boot_selector),
    ("tests", tests),
    ("doc tests", || cargo(&["test", "--workspace", "--doc", "--locked"])),
    ("documentation", documentation),
    ("power cuts", powercut::bounded),
    ("fuzzing", fuzz::bounded),
    (MACHINE, vm::bounded),
    (DEMO, demo),
];

/// The steps that can be left out.
const MACHINE: &str = "virtual machine";
const DEMO: &str = "demo";

/// Runs every step, a line each; a failure is shown with the end of its output.
pub(crate) fn run(options: &Options) -> Result<()> {
    let is_left_out =
        |name: &str| (name == DEMO && options.no_demo) || (name == MACHINE && options.no_machine);
    let chosen: Vec<&Step> = STEPS.iter().filter(|(name, _)| !is_left_out(name)).collect();
    let mut steps = Steps::new(chosen.len());
    let mut failed = Vec::new();
    for (name, body) in &chosen {
        if let Err(error) = steps.step(name, || body().map(|said| ((), said))) {
            say(&format!("\n{error}\n\n"));
            failed.push(*name);
            if !options.keep_going {
                break;
            }
        }
    }
    let (done, total) = (steps.count() - failed.len(), chosen.len());
    say(&format!("\n{done} of {total} steps passed in {}\n", steps.elapsed()));
    if failed.is_empty() { Ok(()) } else { Err(Error::Steps(failed.join(", "))) }
}

fn set_up() -> Result<String> {
    let packages = setup::install_packages(&[Need::Always])?;
    let venv = setup::make_venv()?;
    let cargo_deny = setup::cargo_deny()?;
    Ok(format!("packages: {packages}; python-tuf: {venv}; {}", cargo_deny.display()))
}

fn cargo(arguments: &[&str]) -> Result<String> {
    Run::cargo().args(arguments).run()?;
    Ok(String::new())
}

fn deny() -> Result<String> {
    let cargo_deny = setup::cargo_deny()?;
    let run =
        Run::cargo_tool(&cargo_deny).args(["--locked", "check", "bans", "licenses", "sources"]);
    let said = run.run()?.stdout;
    Ok(said.lines().last().unwrap_or_default().trim().to_owned())
}

/// The selector for the machines that we run, and whether it compiles for the others.
fn boot_selector() -> Result<String> {
    let built = selector::build()?;
    selector::check_arm()?;
    Ok(format!("{built}; compiles for 64-bit Arm"))
}

/// Through nextest where it is there, since it runs all tests at once. The programs that whole-path tests
/// start are built before, with the same features, so that no test has to. With nextest a test that fails is tried
/// [again](TRIES): the tests run real processes on machines that do other work too. One that passes then does not end
/// the run, but it is named, since it is to be mended.
fn tests() -> Result<String> {
    Run::cargo().args(["build", "--workspace", "--bins", "--locked"]).run()?;
    let nextest = find_program("cargo-nextest").is_some();
    let plain: &[&str] = &["test", "--workspace", "--lib", "--bins", "--tests", "--locked"];
    let arguments = if nextest { NEXTEST } else { plain };
    let programs = place::target().join("debug");
    let record = place::target().join("tests.log");
    place::write(&record, "")?;
    let run = Run::cargo().args(arguments).env("WAYSTONE_PROGRAMS", programs).record(&record);
    // The same cases for every change; a run by hand looks at new ones.
    let said = run.env("PROPTEST_RNG_SEED", "1").run()?;
    Ok(summary(&said.stderr))
}

/// How often a test may fail and be tried again.
const TRIES: &str = "2";

const NEXTEST: &[&str] = &[
    "nextest",
    "run",
    "--workspace",
    "--locked",
    "--no-fail-fast",
    "--status-level",
    "retry",
    "--final-status-level",
    "flaky",
    "--retries",
    TRIES,
];

/// What nextest counted, and the name of each test that did not pass at first.
fn summary(said: &str) -> String {
    let mut lines = said.lines().skip_while(|line| !line.trim_start().starts_with("Summary"));
    let Some((_, counted)) = lines.next().and_then(|line| line.split_once("Summary")) else {
        return String::new();
    };
    let again = lines.filter(|line| line.trim_start().starts_with("FLAKY"));
    let again = again.map(|line| {
        // Behind the time is the number of the test.
        let name = after_bracket(line).split_once(')').map_or(line, |(_, name)| name).trim();
        format!("; passed only when tried again (target/tests.log): {name}")
    });
    std::iter::once(after_bracket(counted).to_owned()).chain(again).collect()
}

/// Drops nextest's own time in brackets.
fn after_bracket(summary: &str) -> &str {
    summary.split_once(']').map_or(summary, |(_, rest)| rest).trim()
}

fn documentation() -> Result<String> {
    let doc = Run::cargo().args(["doc", "--workspace", "--no-deps", "--locked"]);
    doc.env("RUSTDOCFLAGS", "-D warnings").run()?;
    Ok(String::new())
}

/// The demo as a user runs it, with its last line. Through cargo, since the tests may have built this program anew.
fn demo() -> Result<String> {
    let said = Run::cargo().args(["xtask", "demo", "--no-boot"]).run()?;
    Ok(said.stdout.lines().last().unwrap_or_default().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_that_did_not_pass_at_first_are_named() {
        let said =
            "   Compiling x\n     Summary [   1.5s] 3 tests run: 3 passed (1 flaky), 60 skipped\n";
        assert_eq!(summary(said), "3 tests run: 3 passed (1 flaky), 60 skipped");
        let flaky = "   FLAKY 2/3 [   0.086s] (2/3) migrator::migrating confined::x\n";
        assert_eq!(
            summary(&format!("{flaky}{said}{flaky}")),
            "3 tests run: 3 passed (1 flaky), 60 skipped; passed only when tried again (target/tests.log): migrator::migrating confined::x"
        );
        assert_eq!(summary("nothing"), "");
    }
}
