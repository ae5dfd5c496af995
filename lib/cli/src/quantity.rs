//! Byte counts and durations as people read them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

/// A number of bytes, shown as `12.3 MiB`; read from whole numbers, such as `200 MiB`, `50MB` or `4096`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteCount(pub u64);

impl fmt::Display for ByteCount {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
        if self.0 < 1024 {
            return write!(out, "{} B", self.0);
        }
        let mut tenths = u128::from(self.0) * 10 / 1024;
        let mut unit = 0;
        while tenths >= 10_240 && unit + 1 < UNITS.len() {
            tenths /= 1024;
            unit += 1;
        }
        write!(out, "{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
    }
}

/// What is no number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "must be a whole number of bytes below 16 EiB, or of one of kB, MB, GB, TB, KiB, MiB, GiB, TiB"
)]
pub struct NoByteCount;

impl FromStr for ByteCount {
    type Err = NoByteCount;

    fn from_str(text: &str) -> Result<Self, NoByteCount> {
        let digits = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let factor: u64 = match unit.trim_start_matches(' ') {
            "" | "B" => 1,
            "kB" | "KB" => 1000,
            "MB" => 1000_u64.pow(2),
            "GB" => 1000_u64.pow(3),
            "TB" => 1000_u64.pow(4),
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "TiB" => 1 << 40,
            _ => return Err(NoByteCount),
        };
        let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
        bytes.map(Self).ok_or(NoByteCount)
    }
}

/// A duration, shown as `0.4 s`, `12.3 s` or `2 min 05 s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Elapsed(pub Duration);

impl fmt::Display for Elapsed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        if seconds < 60 {
            return write!(out, "{seconds}.{} s", self.0.subsec_millis() / 100);
        }
        write!(out, "{} min {:02} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_counts_are_whole_numbers_with_a_unit() {
        for (text, bytes) in [
            ("4096", 4096),
            ("0", 0),
            ("7 B", 7),
            ("50MB", 50_000_000),
            ("3 kB", 3000),
            ("200 MiB", 200 << 20),
            ("1TiB", 1 << 40),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(text.parse(), Ok(ByteCount(bytes)), "{text}");
        }
    }

    #[test]
    fn what_is_no_byte_count_is_refused() {
        for text in [
            "",
            "MiB",
            "1.5 MiB",
            "-1",
            "+1",
            " 1",
            "10 mib",
            "10 Mbit",
            "10 M",
            "1e3",
            "0x10",
            "1 MiB/s",
            "18446744073709551616",
            "16777216 TiB",
        ] {
            assert_eq!(text.parse::<ByteCount>(), Err(NoByteCount), "{text}");
        }
    }

    #[test]
    fn bytes_take_the_largest_unit_that_fits() {
        assert_eq!(ByteCount(0).to_string(), "0 B");
        assert_eq!(ByteCount(1023).to_string(), "1023 B");
        assert_eq!(ByteCount(1536).to_string(), "1.5 KiB");
        assert_eq!(ByteCount(920 << 20).to_string(), "920.0 MiB");
        assert_eq!(ByteCount(u64::MAX).to_string(), "16383.9 PiB");
    }

    #[test]
    fn durations_switch_to_minutes_at_sixty_seconds() {
        assert_eq!(Elapsed(Duration::from_millis(450)).to_string(), "0.4 s");
        assert_eq!(Elapsed(Duration::from_millis(59_999)).to_string(), "59.9 s");
        assert_eq!(Elapsed(Duration::from_secs(125)).to_string(), "2 min 05 s");
    }
}
