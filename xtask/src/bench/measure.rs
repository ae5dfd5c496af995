//! Time and memory of whole processes, taken in turns.

use std::fmt;
use std::time::{Duration, Instant};

use cli::ByteCount;

use crate::Result;
use crate::command::Run;
use crate::error::Error;
use crate::place;
use crate::steps::say;

/// One side of a comparison: a name, what goes before each run, and the run itself.
pub(super) struct Side<'a> {
    /// As it is shown.
    pub(super) name: &'static str,
    /// Puts things back to where they were; not measured.
    pub(super) prepare: Box<dyn Fn() -> Result<()> + 'a>,
    /// The program to measure.
    pub(super) run: Box<dyn Fn() -> Run + 'a>,
}

/// What one run took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sample {
    /// From its start to its end.
    pub(super) wall: Duration,
    /// The most memory of it or of any program that it started.
    pub(super) peak: ByteCount,
}

/// All that was measured of one side.
#[derive(Debug)]
pub(super) struct Series {
    name: &'static str,
    samples: Vec<Sample>,
}

/// Something that must hold.
#[derive(Debug)]
pub(super) struct Bar {
    what: String,
    value: String,
    limit: String,
    met: bool,
}

/// Bars that are not met, in words.
pub(super) type Missed = Vec<String>;

/// Measures all sides in turns.
///
/// # Errors
///
/// Fails when a run does.
pub(super) fn in_turns(rounds: u32, sides: &[Side<'_>]) -> Result<Vec<Series>> {
    let empty = |side: &Side<'_>| Series { name: side.name, samples: Vec::new() };
    let mut all: Vec<Series> = sides.iter().map(empty).collect();
    for round in 0..=rounds {
        for (side, series) in sides.iter().zip(&mut all) {
            (side.prepare)()?;
            let sample = measure((side.run)())?;
            // The first round warms the caches up.
            if round > 0 {
                series.samples.push(sample);
            }
        }
    }
    for series in &mut all {
        series.samples.sort_unstable();
    }
    Ok(all)
}

/// Runs one program under GNU time, which asks the kernel for its peak memory.
///
/// # Errors
///
/// Fails when the program does.
pub(super) fn measure(run: Run) -> Result<Sample> {
    let folder = tempfile::tempdir().map_err(Error::file("make", &std::env::temp_dir()))?;
    let report = folder.path().join("peak");
    let run =
        run.under("/usr/bin/time", &["--format=%M", &format!("--output={}", report.display())]);
    let started = Instant::now();
    run.run()?;
    let wall = started.elapsed();
    let text = place::read(&report)?;
    let kibibytes: u64 = text.trim().parse().map_err(|_| {
        Error::Untrue(format!("GNU time should tell kibibytes, and tells '{}'", text.trim()))
    })?;
    Ok(Sample { wall, peak: ByteCount(kibibytes.saturating_mul(1024)) })
}

impl Series {
    /// The side that was measured.
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// The time in the middle.
    fn median(&self) -> Duration {
        self.samples.get(self.samples.len() / 2).map_or(Duration::ZERO, |sample| sample.wall)
    }

    /// The most memory of any run.
    pub(super) fn peak(&self) -> ByteCount {
        self.samples.iter().map(|sample| sample.peak).max().unwrap_or(ByteCount(0))
    }

    /// A bar on the time of this side as a part of another's.
    pub(super) fn time_of(&self, other: &Self, limit: Option<f64>) -> Bar {
        let ratio = self.median().as_secs_f64() / other.median().as_secs_f64();
        Bar::ratio(format!("time, of {}'s", other.name), ratio, limit)
    }

    /// A bar on how much longer this side takes than another.
    pub(super) fn time_beyond(&self, other: &Self, limit: Duration) -> Bar {
        let beyond = self.median().saturating_sub(other.median());
        let shown = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1000.0);
        let what = format!("time, beyond {}", other.name);
        Bar::new(&what, &shown(beyond), &format!("at most {}", shown(limit)), beyond <= limit)
    }

    /// A bar on the peak memory of this side as a part of another's.
    pub(super) fn memory_of(&self, other: &Self, limit: Option<f64>) -> Bar {
        let kibibytes = |series: &Self| u32::try_from(series.peak().0 >> 10).unwrap_or(u32::MAX);
        let ratio = f64::from(kibibytes(self)) / f64::from(kibibytes(other));
        Bar::ratio(format!("memory, of {}'s", other.name), ratio, limit)
    }

    /// A bar on the peak memory of this side.
    pub(super) fn memory(&self, limit: ByteCount) -> Bar {
        bytes("peak memory", self.peak(), limit)
    }
}

impl Bar {
    /// A bar on anything else.
    pub(super) fn new(what: &str, value: &str, limit: &str, met: bool) -> Self {
        Self { what: what.to_owned(), value: value.to_owned(), limit: limit.to_owned(), met }
    }

    /// The same bar, which says of whom it is.
    pub(super) fn of(self, whom: &str) -> Self {
        Self { what: format!("{whom}: {}", self.what), ..self }
    }

    /// A bar on a part of something.
    pub(super) fn ratio(what: String, ratio: f64, limit: Option<f64>) -> Self {
        let shown = limit.map_or("no bar".to_owned(), |limit| format!("at most {limit}"));
        let met = limit.is_none_or(|limit| ratio <= limit);
        Self { what, value: format!("{ratio:.2}"), limit: shown, met }
    }
}

/// A bar on a number of bytes.
pub(super) fn bytes(what: &str, value: ByteCount, limit: ByteCount) -> Bar {
    Bar::new(what, &value.to_string(), &format!("at most {limit}"), value <= limit)
}

impl fmt::Display for Series {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |sample: Option<&Sample>| sample.map_or(0.0, |it| it.wall.as_secs_f64());
        let (min, max) = (seconds(self.samples.first()), seconds(self.samples.last()));
        let (name, median) = (self.name, self.median().as_secs_f64());
        let peak = self.peak().to_string();
        write!(out, "  {name:<16}{min:>8.2} s{median:>8.2} s{max:>8.2} s{peak:>14}")
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.met { "met" } else { "NOT MET" };
        let verdict = if self.limit == "no bar" { "" } else { verdict };
        write!(out, "  {:<34}{:>12}   {:<20}{verdict}", self.what, self.value, self.limit)
    }
}

/// Shows what was measured and which bars are met; gives back those that are not.
#[must_use]
pub(super) fn show(title: &str, all: &[Series], bars: &[Bar]) -> Missed {
    let rounds = all.first().map_or(0, |series| series.samples.len());
    say(&format!("\n{title}\n  {rounds} rounds in turns, after one to warm up\n\n"));
    say(&format!("  {:<16}{:>10}{:>10}{:>10}{:>14}\n", "", "min", "median", "max", "peak memory"));
    say(&all.iter().map(|series| format!("{series}\n")).collect::<String>());
    say("\n");
    show_bars(title, bars)
}

/// Shows which bars are met; gives back those that are not.
#[must_use]
pub(super) fn show_bars(title: &str, bars: &[Bar]) -> Missed {
    say(&bars.iter().map(|bar| format!("{}\n", bar.to_string().trim_end())).collect::<String>());
    let title = title.lines().next().unwrap_or_default();
    let missed = bars.iter().filter(|bar| !bar.met);
    missed.map(|bar| format!("{title}: {} {}, {}", bar.what, bar.value, bar.limit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &'static str, milliseconds: &[u64]) -> Series {
        let sample = |&ms| Sample { wall: Duration::from_millis(ms), peak: ByteCount(ms << 20) };
        Series { name, samples: milliseconds.iter().map(sample).collect() }
    }

    #[test]
    fn bars_compare_medians_and_the_highest_peak() {
        let (ours, theirs) = (series("ours", &[10, 20, 90]), series("theirs", &[30, 40, 50]));
        let bar = ours.time_of(&theirs, Some(0.5));
        assert!(bar.met, "{bar}");
        assert_eq!(bar.value, "0.50");
        assert!(!ours.time_of(&theirs, Some(0.49)).met);
        assert!(ours.memory(ByteCount(90 << 20)).met);
        assert!(!ours.memory(ByteCount(89 << 20)).met);
        let memory = ours.memory_of(&theirs, Some(1.8));
        assert!(memory.met, "{memory}");
        assert!(!ours.memory_of(&theirs, Some(1.79)).met);
    }

    #[test]
    fn bars_that_are_not_met_are_given_back_by_name() {
        let bars = [
            bytes("length", ByteCount(2), ByteCount(1)),
            bytes("other", ByteCount(1), ByteCount(1)),
            Bar::new("anything", "3", "no bar", true),
        ];
        assert_eq!(show_bars("title\n  more", &bars), ["title: length 2 B, at most 1 B"]);
    }

    #[test]
    fn a_bar_that_is_not_met_is_said_loudly() {
        let (ours, theirs) = (series("ours", &[2]), series("theirs", &[1]));
        assert!(ours.time_of(&theirs, Some(1.0)).to_string().ends_with("NOT MET"));
        assert!(ours.time_of(&theirs, None).to_string().trim_end().ends_with("no bar"));
    }
}
