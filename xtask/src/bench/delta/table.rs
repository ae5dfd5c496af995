//! All bytes in one table, for people.

use super::Measured;
use super::figure::Figure;
use super::peers::XDELTA3;
use crate::steps::say;

/// Shows every side of every case, and what part of xdelta3's bytes it is.
pub(super) fn show(all: &[Measured]) {
    say("\ndelta: bytes on the way for boot, root and hash images, and what making them takes\n");
    for measured in all {
        say(&format!("\n  {}: {}\n", measured.title, measured.said));
        let head = ["bytes", "of xdelta3's", "made in", "with"];
        let [bytes, ratio, time, memory] = head;
        say(&format!("  {:<38}{bytes:>12}{ratio:>14}{time:>12}{memory:>14}\n", ""));
        let base = measured.figures.iter().find(|figure| figure.name == XDELTA3);
        let lines = measured.figures.iter().map(|figure| line(&measured.title, figure, base));
        say(&lines.collect::<String>());
    }
    say(
        "\n  RAUC, by its rule: 32 bytes of index for each 4 KiB, and the compressed 64 KiB of squashfs around each block\n  \
         that the old image does not have\n",
    );
}

fn line(case: &str, figure: &Figure, base: Option<&Figure>) -> String {
    let ratio = base.map_or_else(String::new, |base| format!("{:.3}", figure.of(base)));
    let time = figure.made.map(|made| format!("{:.1} s", made.wall.as_secs_f64()));
    let peak = figure.made.map(|made| made.peak.to_string());
    let (time, peak) = (time.unwrap_or_default(), peak.unwrap_or_default());
    let (name, bytes) = (&figure.name, figure.bytes.to_string());
    let line = format!(
        "  {case:<14}{name:<24}{bytes:>12}{ratio:>14}{time:>12}{peak:>14}  {}",
        figure.remark
    );
    line.trim_end().to_owned() + "\n"
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cli::ByteCount;

    use super::*;
    use crate::bench::measure::Sample;

    #[test]
    fn a_line_tells_bytes_ratio_and_what_making_takes() {
        let made = Some(Sample { wall: Duration::from_millis(1500), peak: ByteCount(3 << 20) });
        let xdelta3 = Figure { made, ..Figure::new(XDELTA3, ByteCount(4096)) };
        let ours = Figure::new("ours", ByteCount(3072)).remark("9 answers");
        let words = |line: String| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let told = words(line("big, ext4", &ours, Some(&xdelta3)));
        assert_eq!(told, "big, ext4 ours 3.0 KiB 0.750 9 answers");
        let told = words(line("big, ext4", &xdelta3, Some(&xdelta3)));
        assert_eq!(told, "big, ext4 xdelta3 -9 4.0 KiB 1.000 1.5 s 3.0 MiB");
        assert_eq!(words(line("big, ext4", &ours, None)), "big, ext4 ours 3.0 KiB 9 answers");
    }
}
