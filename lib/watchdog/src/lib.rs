//! Linux's watchdog: a timer that restarts the machine unless somebody feeds it (kernel documentation, "The Linux Watchdog driver API").
//!
//! Opening the device arms it. It stays armed when it is closed, unless the last thing that was written to it is the letter V, and the
//! next to open it takes it over. A kernel that was told `nowayout` keeps it armed even then.

mod call;

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// The kernel parameter with which the first program of a machine arms the watchdog: `waystone.watchdog=SECONDS`.
pub const PARAMETER: &str = "waystone.watchdog";

/// The most seconds that drivers take.
const MAX_SECONDS: i32 = 65_535;

/// The value of [`PARAMETER`]: seconds, 1 to 65535; `None` for anything else.
pub fn seconds(text: &str) -> Option<i32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|seconds| digits && (1..=MAX_SECONDS).contains(seconds))
}

/// What disarms the watchdog when it is closed.
const MAGIC: &[u8] = b"V";

/// Anything else feeds it.
const FOOD: &[u8] = b"\0";

/// An armed watchdog. Dropped, it stays armed.
#[derive(Debug)]
pub struct Watchdog(File);

impl Watchdog {
    /// Arms the watchdog, or takes over one that is armed.
    ///
    /// # Errors
    ///
    /// Fails if there is none, or somebody else has it. What is no character device is left alone.
    pub fn open(path: &Path) -> io::Result<Self> {
        if !std::fs::metadata(path)?.file_type().is_char_device() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no character device"));
        }
        Ok(Self(OpenOptions::new().write(true).open(path)?))
    }

    /// Says after how many seconds without food the machine is to restart; how many it will be, which the driver decides.
    ///
    /// # Errors
    ///
    /// Fails if the driver has a time of its own.
    pub fn set_timeout(&self, seconds: i32) -> io::Result<i32> {
        call::set_timeout(&self.0, seconds)
    }

    /// Feeds it: its time starts again.
    ///
    /// # Errors
    ///
    /// Fails as the device does.
    pub fn feed(&mut self) -> io::Result<()> {
        self.0.write_all(FOOD)
    }

    /// Disarms it.
    ///
    /// # Errors
    ///
    /// Fails as the device does; it is then still armed.
    pub fn disarm(mut self) -> io::Result<()> {
        self.0.write_all(MAGIC)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_plain_number_that_drivers_take() {
        assert_eq!((seconds("1"), seconds("65535")), (Some(1), Some(65_535)));
        for text in ["", "0", "65536", "-1", "+5", " 5", "5s", "99999999999"] {
            assert_eq!(seconds(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_file_is_no_watchdog_and_nothing_is_created() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("watchdog");
        assert_eq!(Watchdog::open(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(!path.exists());
        File::create(&path).unwrap();
        assert!(Watchdog::open(&path).is_err());
    }

    #[test]
    fn a_device_without_a_time_of_its_own_says_so() {
        let mut device = Watchdog::open(Path::new("/dev/null")).unwrap();
        device.feed().unwrap();
        assert!(device.set_timeout(60).is_err());
        device.disarm().unwrap();
    }
}
