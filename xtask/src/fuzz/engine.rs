//! Building targets, and one run of one of them.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::figures::Figures;
use super::targets::Target;
use crate::command::Run;
use crate::error::Error;
use crate::steps::say;
use crate::{Result, place};

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

/// The longest that an input may take, in seconds.
const SECONDS: u32 = 1;

/// The most memory of the whole process, in MiB: the 64 that an input may take, and what fuzzer, program and corpus take without it.
const MEBIBYTES: u32 = 64 + 64;

/// How often an input that took too long is tried again: the machine may have been busy more than once.
const REPLAYS: u32 = 3;

/// How libFuzzer ends when an input takes too long.
const TOO_LONG: i32 = 70;

/// How a target ends that did not by itself, long after its time: the fuzzer's alarm for slow inputs takes memory in a signal handler, and waits
/// for itself for ever where the input was in the middle of that.
const STUCK: i32 = 137;

/// So much longer than it should a target may take, in seconds.
const PATIENCE: u64 = 60;

/// What the fuzzer says before the name of the input that it has kept.
const KEPT: &str = "Test unit written to ";

/// The built targets.
#[derive(Debug)]
pub(super) struct Engine {
    programs: PathBuf,
}

/// One start of a target.
struct Ended {
    code: i32,
    log: String,
    taken: Duration,
}

impl Engine {
    /// Builds targets; all of them at once where several are wanted, since they share what takes the time.
    pub(super) fn build(targets: &[&Target]) -> Result<Self> {
        let built = place::target().join("fuzz");
        let bins: Vec<&str> = match targets {
            [] => Vec::new(),
            [one] => vec!["--bin", one.name],
            _ => vec!["--bins"],
        };
        Run::cargo()
            .args(["build", "--release", "--locked", "--target", TRIPLE])
            .args(bins)
            .arg("--manifest-path")
            .arg(place::project().join("fuzz/Cargo.toml"))
            .arg("--target-dir")
            .arg(&built)
            .env("RUSTFLAGS", FLAGS)
            .run()?;
        Ok(Self { programs: built.join(TRIPLE).join("release") })
    }

    /// Runs a target for a while. An input that was too slow once and is not again was held up by the machine: the run goes on.
    pub(super) fn run(&self, target: &Target, seconds: u64) -> Result<Figures> {
        let mut figures = Figures::default();
        loop {
            let left = seconds.saturating_sub(figures.taken.as_secs()).max(1);
            let ended = self.once(target, left)?;
            figures = figures.and(Figures::read(&ended.log, ended.taken));
            if ended.code == 0 {
                return Ok(figures);
            }
            let kept = ended.kept();
            if ended.code == STUCK {
                if figures.taken.as_secs() >= seconds {
                    return Ok(figures);
                }
                continue;
            }
            if ended.code != TOO_LONG || self.fails_again(target, kept.as_deref())? {
                return Err(ended.failure(target, kept.as_deref()));
            }
            if figures.taken.as_secs() >= seconds {
                return Ok(figures);
            }
        }
    }

    fn once(&self, target: &Target, seconds: u64) -> Result<Ended> {
        let (corpus, artifacts) = (corpus_of(target), folder("artifacts", target));
        place::make_folder(&corpus)?;
        place::make_folder(&artifacts)?;
        let run = self
            .program(target)
            .arg(&corpus)
            .arg(place::fixture("fuzz").join(target.name))
            .arg(format!("-artifact_prefix={}/", artifacts.display()))
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-max_len={}", target.longest))
            .arg("-print_final_stats=1");
        let last = (seconds + PATIENCE).to_string();
        let run = run.under("timeout", &["--signal=KILL", &last]);
        let (started, run) = (Instant::now(), run.bound());
        let finished = run.accept(&CODES).run()?;
        let ended = Ended { code: finished.code, log: finished.stderr, taken: started.elapsed() };
        place::write(&log_of(target)?, &ended.log)?;
        Ok(ended)
    }

    /// Gives an input to a target, once, and says what the target says.
    pub(super) fn replay(&self, target: &Target, input: &Path) -> Result<()> {
        let finished = self.program(target).arg(input).bound().run()?;
        say(&finished.stderr);
        Ok(())
    }

    /// Whether an input is too slow each time that it is tried, or fails.
    fn fails_again(&self, target: &Target, input: Option<&Path>) -> Result<bool> {
        let Some(input) = input else { return Ok(true) };
        for _ in 0..REPLAYS {
            let run = self.program(target).arg(input);
            let run = run.under("timeout", &["--signal=KILL", &PATIENCE.to_string()]).bound();
            match run.accept(&CODES).run()?.code {
                0 => return Ok(false),
                TOO_LONG | STUCK => {}
                _ => break,
            }
        }
        Ok(true)
    }

    /// Puts into a folder what of the corpus adds something to what is there.
    pub(super) fn merge(&self, target: &Target, into: &Path) -> Result<()> {
        let run = self.program(target).arg("-merge=1").arg(into).arg(corpus_of(target));
        run.arg(format!("-max_len={}", target.longest)).bound().run().map(drop)
    }

    fn program(&self, target: &Target) -> Run {
        let limits = [format!("-timeout={SECONDS}"), format!("-rss_limit_mb={MEBIBYTES}")];
        Run::program_at(&self.programs.join(target.name), target.name).args(limits)
    }
}

/// How a target may end: well, at an input that is too slow or too large, or at one that fails.
const CODES: [i32; 7] = [0, 1, TOO_LONG, 71, 77, STUCK, -1];

impl Ended {
    /// The input that the fuzzer has kept.
    fn kept(&self) -> Option<PathBuf> {
        let line = self.log.lines().find_map(|line| line.split_once(KEPT));
        line.map(|(_, path)| PathBuf::from(path.trim()))
    }

    fn failure(&self, target: &Target, kept: Option<&Path>) -> Error {
        let name = target.name;
        let reason = self.log.lines().find(|line| is_reason(line)).unwrap_or("it ended");
        Error::Fuzz(vec![match kept {
            Some(path) => format!(
                "{name}: {}\n  kept as {path}\n  replay: cargo xtask fuzz {name} --input {path}",
                reason.trim(),
                path = path.display()
            ),
            None => format!("{name}: {}", reason.trim()),
        }])
    }
}

/// Whether a line of a log says why it ended: the panic comes before what the fuzzer says.
fn is_reason(line: &str) -> bool {
    line.contains("panicked at")
        || line.contains("more than 64 MiB")
        || line.contains("ERROR: libFuzzer")
}

/// Where what was found is kept, outside the repository.
pub(super) fn corpus_of(target: &Target) -> PathBuf {
    folder("corpus", target)
}

fn folder(kind: &str, target: &Target) -> PathBuf {
    place::project().join("fuzz").join(kind).join(target.name)
}

/// What a target wrote in its last run.
fn log_of(target: &Target) -> Result<PathBuf> {
    let folder = place::target().join("fuzz/logs");
    place::make_folder(&folder)?;
    Ok(folder.join(format!("{}.log", target.name)))
}
