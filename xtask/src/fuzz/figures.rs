//! What a run of a target came to: read from what libFuzzer and the target write.

use std::fmt;
use std::time::Duration;

use cli::ByteCount;
use serde_json::{Value, json};

use super::targets::Target;

/// Figures of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Figures {
    /// Inputs that were run.
    pub(super) executions: u64,
    /// How long that took.
    pub(super) taken: Duration,
    /// Edges that were taken.
    edges: u64,
    /// Inputs that add something.
    corpus: u64,
    /// The most memory of the process, in bytes.
    peak: u64,
    /// The most that one input took, in bytes, of Rust's memory.
    largest: u64,
    /// The longest that one input took.
    slowest: Duration,
}

impl Figures {
    /// Reads the log of a run that took so long.
    pub(super) fn read(log: &str, taken: Duration) -> Self {
        let mut figures = Self { taken, ..Self::default() };
        for line in log.lines() {
            figures.take(line);
        }
        figures
    }

    fn take(&mut self, line: &str) {
        if let Some(said) = line.strip_prefix("worst: ") {
            let mut numbers = said.split(", ").map(number);
            self.slowest = Duration::from_micros(numbers.next().unwrap_or_default());
            self.largest = numbers.next().unwrap_or_default();
        } else if let Some(said) = line.strip_prefix("stat::number_of_executed_units:") {
            self.executions = number(said);
        } else if let Some(said) = line.strip_prefix("stat::peak_rss_mb:") {
            self.peak = number(said) << 20;
        } else if line.starts_with('#') {
            let after = |word: &str| line.split_once(word).map(|(_, rest)| number(rest));
            self.edges = after(" cov: ").unwrap_or(self.edges);
            self.corpus = after(" corp: ").unwrap_or(self.corpus);
        }
    }

    /// These, and those of a run that went on from them.
    pub(super) fn and(self, later: Self) -> Self {
        Self {
            executions: self.executions + later.executions,
            taken: self.taken + later.taken,
            edges: self.edges.max(later.edges),
            corpus: self.corpus.max(later.corpus),
            peak: self.peak.max(later.peak),
            largest: self.largest.max(later.largest),
            slowest: self.slowest.max(later.slowest),
        }
    }

    fn each_second(&self) -> u64 {
        let milliseconds = u64::try_from(self.taken.as_millis()).unwrap_or(u64::MAX).max(1);
        self.executions.saturating_mul(1000) / milliseconds
    }

    fn json(&self, target: &Target) -> Value {
        json!({
            "target": target.name,
            "executions": self.executions,
            "milliseconds": self.taken.as_millis(),
            "executions_per_second": self.each_second(),
            "edges": self.edges,
            "corpus": self.corpus,
            "peak_bytes": self.peak,
            "largest_input_bytes": self.largest,
            "slowest_input_microseconds": self.slowest.as_micros(),
        })
    }
}

/// The number that a text begins with, behind blanks; 0 if there is none.
fn number(text: &str) -> u64 {
    let text = text.trim_start();
    let digits = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    text[..digits].parse().unwrap_or_default()
}

impl fmt::Display for Figures {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (milliseconds, rest) = (self.slowest.as_millis(), self.slowest.as_micros() % 1000);
        write!(
            out,
            "{:>11} executions in {:>4} s {:>8}/s {:>6} edges {:>5} inputs, peak {}, worst input {milliseconds}.{rest:03} ms {}",
            self.executions,
            self.taken.as_secs(),
            self.each_second(),
            self.edges,
            self.corpus,
            ByteCount(self.peak),
            ByteCount(self.largest),
        )
    }
}

/// All of them in a line.
pub(super) fn sum(all: &[(&Target, Figures)]) -> String {
    let executions: u64 = all.iter().map(|(_, figures)| figures.executions).sum();
    let taken: Duration = all.iter().map(|(_, figures)| figures.taken).sum();
    let slowest = all.iter().max_by_key(|(_, figures)| figures.slowest);
    let slowest = slowest.map_or(String::new(), |(target, figures)| {
        format!(", the slowest input {} ms ({})", figures.slowest.as_millis(), target.name)
    });
    let (count, seconds) = (all.len(), taken.as_secs());
    format!("{count} targets, {executions} executions in {seconds} s{slowest}")
}

/// All of them, and their sum.
pub(super) fn json(all: &[(&Target, Figures)]) -> String {
    let targets: Vec<Value> = all.iter().map(|(target, figures)| figures.json(target)).collect();
    let executions: u64 = all.iter().map(|(_, figures)| figures.executions).sum();
    let milliseconds: u128 = all.iter().map(|(_, figures)| figures.taken.as_millis()).sum();
    let sum =
        json!({ "targets": all.len(), "executions": executions, "milliseconds": milliseconds });
    format!("{:#}\n", json!({ "targets": targets, "sum": sum }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "INFO: Running with entropic power schedule (0xFF, 100).\n\
        #2\tINITED cov: 17 ft: 18 corp: 1/1b exec/s: 0 rss: 31Mb\n\
        #4096\tNEW    cov: 423 ft: 900 corp: 57/2210b lim: 43 exec/s: 2048 rss: 32Mb L: 11/40 MS: 1 ChangeBit-\n\
        #8192\tDONE   cov: 424 ft: 901 corp: 58/2215b lim: 80 exec/s: 2000 rss: 33Mb\n\
        Done 8192 runs in 4 second(s)\n\
        stat::number_of_executed_units: 8192\n\
        stat::peak_rss_mb:              33\n\
        worst: 1234 us, 5678 bytes\n";

    #[test]
    fn figures_are_read_from_a_log() {
        let figures = Figures::read(LOG, Duration::from_secs(4));
        assert_eq!((figures.executions, figures.edges, figures.corpus), (8192, 424, 58));
        assert_eq!((figures.peak, figures.largest), (33 << 20, 5678));
        assert_eq!((figures.slowest, figures.each_second()), (Duration::from_micros(1234), 2048));
    }

    #[test]
    fn figures_of_a_run_that_went_on_are_added_up() {
        let one = Figures::read(LOG, Duration::from_secs(4));
        let both = one.clone().and(one);
        assert_eq!(
            (both.executions, both.taken, both.edges),
            (16_384, Duration::from_secs(8), 424)
        );
    }
}
