//! `[limits]`: what an update may take of the host and of its network.

use cli::ByteCount;
use serde::Deserialize;

use super::{Check, ConfigError};
use crate::limits::Priority;

/// What updates may take, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most that downloads of targets take a second, all together, if there is a limit.
    pub rate: Option<ByteCount>,
    /// The most that one update fetches, if there is a limit: whatever targets it is made from.
    pub max_bytes: Option<ByteCount>,
    /// How the update stands behind the host's other work.
    pub io_priority: Priority,
    /// The most memory that buffers take, and what waits in them.
    pub memory: ByteCount,
}

/// The section as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLimits {
    rate: Option<Size>,
    max_bytes: Option<Size>,
    io_priority: Option<String>,
    memory: Option<Size>,
}

/// A number of bytes, or of bytes a second, as a number or as a text with a unit.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "must be a number of bytes, or a text such as '64 MiB'")]
enum Size {
    Bytes(u64),
    Text(String),
}

/// What buffers take where the configuration says nothing.
const MEMORY: ByteCount = ByteCount(64 << 20);

/// Less than this is not enough for one block's way through them.
const LEAST_MEMORY: ByteCount = ByteCount(48 << 20);

impl Check<'_> {
    /// Checks the section, where servers have to send `least` bytes a second.
    pub(super) fn limits(&self, raw: RawLimits, least: u64) -> Result<Limits, ConfigError> {
        let max_bytes = self.some("limits.max_bytes", raw.max_bytes, "")?;
        let memory = self.some("limits.memory", raw.memory, "")?.unwrap_or(MEMORY);
        if memory < LEAST_MEMORY {
            return Err(self.bad("limits.memory", format!("must be at least {LEAST_MEMORY}")));
        }
        let rate = self.some("limits.rate", raw.rate, "/s")?;
        if rate.is_some_and(|rate| rate.0 < least) {
            return Err(self.bad("limits.rate", "must not be below minimum_bytes_per_second"));
        }
        let io_priority = self.priority(raw.io_priority.as_deref())?;
        Ok(Limits { rate, max_bytes, io_priority, memory })
    }

    /// A limit that lets something through; `per` ends its text.
    fn some(
        &self,
        field: &'static str,
        size: Option<Size>,
        per: &str,
    ) -> Result<Option<ByteCount>, ConfigError> {
        let count = match size {
            None => return Ok(None),
            Some(Size::Bytes(bytes)) => ByteCount(bytes),
            Some(Size::Text(text)) => {
                let count = text.strip_suffix(per);
                let count = count.ok_or_else(|| self.bad(field, format!("must end in {per}")))?;
                count.parse().map_err(|error| self.bad(field, error))?
            }
        };
        if count.0 == 0 {
            return Err(self.bad(field, "must be more than 0"));
        }
        Ok(Some(count))
    }

    fn priority(&self, name: Option<&str>) -> Result<Priority, ConfigError> {
        match name {
            Some("idle") => Ok(Priority::Idle),
            None | Some("low") => Ok(Priority::Low),
            Some("normal") => Ok(Priority::Normal),
            Some(_) => Err(self.bad("limits.io_priority", "must be one of idle, low and normal")),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::Path;

    use super::super::Settings;
    use super::*;

    fn parse(section: &str) -> Result<Limits, ConfigError> {
        let text = format!(
            "metadata_base_url = 'https://x/'\ntargets_base_url = 'https://x/'\nseed = 1\n{section}"
        );
        Settings::parse(&text, Path::new("/etc/updog.toml")).map(|all| all.limits)
    }

    #[test]
    fn without_a_section_the_documented_defaults_hold() {
        let (rate, max_bytes) = (None, None);
        let (io_priority, memory) = (Priority::Low, ByteCount(64 << 20));
        assert_eq!(parse("").unwrap(), Limits { rate, max_bytes, io_priority, memory });
    }

    #[test]
    fn limits_are_texts_with_units_or_numbers_of_bytes() {
        let section =
            "rate = '10 MiB/s'\nmax_bytes = '200 MB'\nio_priority = 'idle'\nmemory = '48 MiB'";
        let limits = parse(&format!("[limits]\n{section}")).unwrap();
        assert_eq!(limits.rate, Some(ByteCount(10 << 20)));
        assert_eq!(limits.max_bytes, Some(ByteCount(200_000_000)));
        assert_eq!((limits.io_priority, limits.memory), (Priority::Idle, ByteCount(48 << 20)));
        let numbers =
            parse("[limits]\nrate = 4096\nmax_bytes = 1\nio_priority = 'normal'").unwrap();
        assert_eq!((numbers.rate, numbers.max_bytes), (Some(ByteCount(4096)), Some(ByteCount(1))));
        assert_eq!(numbers.io_priority, Priority::Normal);
    }

    #[test]
    fn values_that_make_no_sense_name_their_field() {
        for (line, field) in [
            ("rate = '10 MiB'", "limits.rate: must end in /s"),
            ("rate = '10 Mbit/s'", "limits.rate: must be a whole number of bytes"),
            ("rate = '0/s'", "limits.rate: must be more than 0"),
            ("rate = 1023", "limits.rate: must not be below minimum_bytes_per_second"),
            ("rate = 1.5", "rate: must be a number of bytes"),
            ("max_bytes = 'all'", "limits.max_bytes: must be a whole number"),
            ("max_bytes = 0", "limits.max_bytes: must be more than 0"),
            ("max_bytes = -1", "max_bytes: must be a number of bytes"),
            ("io_priority = 'high'", "limits.io_priority: must be one of idle, low and normal"),
            ("memory = '47 MiB'", "limits.memory: must be at least 48.0 MiB"),
            ("max_byte = 1", "max_byte"),
        ] {
            let error = parse(&format!("[limits]\n{line}")).unwrap_err().to_string();
            assert!(error.contains(field), "{line}: {error}");
        }
        assert!(parse("minimum_bytes_per_second = 0\n[limits]\nrate = 1").is_ok());
    }
}
