//! What one side has to send, and what it takes to make that.
//!
//! Peers are deterministic and take minutes: their figures are kept in a folder, by the digests of what they are made from, the
//! peer's version and its command. Seconds of an earlier run are of that run's noise, and are said to be.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cli::ByteCount;
use ring::digest;

use crate::bench::measure::Sample;
use crate::{Result, place};

/// What one side has to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Figure {
    /// The side, as it is shown.
    pub(super) name: String,
    /// Bytes on the way.
    pub(super) bytes: ByteCount,
    /// Time and memory of making them, where they are made at all.
    pub(super) made: Option<Sample>,
    /// More to say of it.
    pub(super) remark: String,
}

impl Figure {
    /// A side whose bytes are there without being made, or are made elsewhere.
    pub(super) fn new(name: &str, bytes: ByteCount) -> Self {
        Self { name: name.to_owned(), bytes, made: None, remark: String::new() }
    }

    /// One side's bytes for several images: their sum, the sum of the times, the highest peak.
    pub(super) fn sum(name: &str, parts: &[(ByteCount, Sample)]) -> Self {
        let bytes = ByteCount(parts.iter().map(|(bytes, _)| bytes.0).sum());
        let wall = parts.iter().map(|(_, sample)| sample.wall).sum();
        let peak = parts.iter().map(|(_, sample)| sample.peak).max();
        let made = peak.map(|peak| Sample { wall, peak });
        Self { made, ..Self::new(name, bytes) }
    }

    /// The same, with a remark.
    pub(super) fn remark(self, remark: &str) -> Self {
        Self { remark: remark.to_owned(), ..self }
    }

    /// Bytes as a part of another side's.
    pub(super) fn of(&self, other: &Self) -> f64 {
        ratio(self.bytes, other.bytes)
    }
}

/// One number of bytes as a part of another, to a tenth of a thousandth.
fn ratio(one: ByteCount, other: ByteCount) -> f64 {
    let permyriad = u128::from(one.0) * 10_000 / u128::from(other.0.max(1));
    f64::from(u32::try_from(permyriad).unwrap_or(u32::MAX)) / 10_000.0
}

/// A folder with the figures of earlier runs.
#[derive(Debug)]
pub(super) struct Figures(PathBuf);

impl Figures {
    /// Those in a folder, which is made.
    ///
    /// # Errors
    ///
    /// Fails when it cannot be.
    pub(super) fn of(folder: &Path) -> Result<Self> {
        place::make_folder(folder)?;
        Ok(Self(folder.to_owned()))
    }

    /// The figure of a side from these inputs, if an earlier run made it.
    pub(super) fn earlier(&self, name: &str, inputs: &[String]) -> Option<Figure> {
        let text = place::read(&self.file(name, inputs)).ok()?;
        Some(parse(name, &text)?.remark("from an earlier run"))
    }

    /// Keeps the figure of a side from these inputs.
    ///
    /// # Errors
    ///
    /// Fails when it cannot be written.
    pub(super) fn keep(&self, figure: &Figure, inputs: &[String]) -> Result<()> {
        place::write(&self.file(&figure.name, inputs), &write(figure))
    }

    fn file(&self, name: &str, inputs: &[String]) -> PathBuf {
        let words = std::iter::once(name).chain(inputs.iter().map(String::as_str));
        let all = words.collect::<Vec<_>>().join("\n");
        self.0.join(hex::encode(digest::digest(&digest::SHA256, all.as_bytes())))
    }
}

/// `bytes [milliseconds peak]`
fn write(figure: &Figure) -> String {
    let made = figure
        .made
        .map_or_else(String::new, |made| format!(" {} {}", made.wall.as_millis(), made.peak.0));
    format!("{}{made}\n", figure.bytes.0)
}

fn parse(name: &str, text: &str) -> Option<Figure> {
    let numbers: Vec<u64> =
        text.split_whitespace().map(str::parse).collect::<std::result::Result<_, _>>().ok()?;
    let made = |wall, peak| Sample { wall: Duration::from_millis(wall), peak: ByteCount(peak) };
    match numbers[..] {
        [bytes] => Some(Figure::new(name, ByteCount(bytes))),
        [bytes, wall, peak] => {
            Some(Figure { made: Some(made(wall, peak)), ..Figure::new(name, ByteCount(bytes)) })
        }
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn sample(seconds: u64, peak: u64) -> Sample {
        Sample { wall: Duration::from_secs(seconds), peak: ByteCount(peak) }
    }

    #[test]
    fn images_are_summed_and_the_highest_peak_counts() {
        let parts = [(ByteCount(5), sample(1, 9)), (ByteCount(6), sample(2, 7))];
        let sum = Figure::sum("side", &parts);
        assert_eq!((sum.bytes, sum.made), (ByteCount(11), Some(sample(3, 9))));
        assert_eq!(Figure::sum("side", &[]).made, None);
    }

    #[test]
    fn ratios_hold_for_any_bytes() {
        let figure = |bytes| Figure::new("side", ByteCount(bytes));
        assert!((figure(3).of(&figure(4)) - 0.75).abs() < f64::EPSILON);
        assert!((figure(u64::MAX).of(&figure(u64::MAX)) - 1.0).abs() < f64::EPSILON);
        assert!(figure(0).of(&figure(0)) < f64::EPSILON);
    }

    #[test]
    fn a_figure_is_kept_for_the_same_inputs_alone() {
        let folder = tempfile::tempdir().unwrap();
        let figures = Figures::of(folder.path()).unwrap();
        let [a, b] = ["a", "b"].map(|input| vec![input.to_owned()]);
        let made = Figure::sum("side", &[(ByteCount(5), sample(1, 2))]);
        assert_eq!(figures.earlier("side", &a), None);
        figures.keep(&made, &a).unwrap();
        assert_eq!(figures.earlier("side", &a), Some(made.remark("from an earlier run")));
        assert_eq!(figures.earlier("side", &b), None);
        assert_eq!(figures.earlier("other", &a), None);
        let bare = Figure::new("side", ByteCount(7));
        figures.keep(&bare, &b).unwrap();
        assert_eq!(figures.earlier("side", &b), Some(bare.remark("from an earlier run")));
    }
}
