//! When something may be done: weekly windows and blackouts, the next look for news, and holds.
//!
//! Everything here is a function of plain values: no clock (`now` is an argument), no randomness (a [`Chance`] is drawn by
//! the caller), no logging. The one look outside is jiff's: a [`Zone`] that is named is read from the host's
//! `/usr/share/zoneinfo` (or `TZDIR`), or from the copy in the program where the host has none. Only zones that are named
//! are loaded; UTC needs no file. They are read once, when the configuration is.
//!
//! | module | one noun |
//! |---|---|
//! | `zone` | a [`Zone`]: local times to instants, and the rules for hours that are missing or doubled |
//! | `days`, `window` | a weekly [`Window`] |
//! | `blackout` | a [`Blackout`]: whole local days |
//! | `calendar` | a [`Calendar`] of both, asked with [`Calendar::at`] |
//! | `opening` | the answer, an [`Opening`], and [`Why`] it is closed |
//! | `moment` | a [`Moment`]: an instant, and the zone that it is shown in |
//! | `poll`, `chance` | a [`Poll`]: when to look next |
//! | `hold` | a [`Hold`], until somebody resumes or until a time |
//!
//! # Rules of windows and blackouts
//!
//! - No windows: always open, but for blackouts. A blackout wins over a window.
//! - Windows that overlap or touch are one.
//! - A window opens at the first instant at which the local clock shows its start or later. Where the clock is put forward
//!   over the start, that is the instant of the change; where it is put back over it, the first of the two.
//! - It stays open for its length of elapsed time, over midnight and over a change of the clock. So it is always as long as
//!   it says; one of a whole day leaves an hour closed when that day has 25. Who wants no end writes no window.
//! - A day that a zone skipped (Samoa had no 30 December 2011) has no windows.
//! - A blackout lasts from the first to the last instant whose local date is one of its days, whatever the clock does at
//!   its midnights.
//! - An opening is searched for two years ahead; what opens later than that is said not to open.
//! - Times beyond the years −9999 to 9999 count as the first or the last instant of them.
//!
//! ```
//! use schedule::{Blackout, Calendar, Window};
//!
//! # fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, toml::de::Error> { toml::from_str(text) }
//! let window: Window = parse("days = ['tue']\nstart = '02:00'\nlength_minutes = 120\ntime_zone = 'Europe/Berlin'")?;
//! let blackout: Blackout = parse("from = '2026-12-20'\nto = '2027-01-03'\ntime_zone = 'Europe/Berlin'")?;
//! let calendar = Calendar::new(vec![window], vec![blackout]);
//!
//! let opening = calendar.at("2026-12-01T02:00:00Z".parse()?);
//! assert!(opening.is_open());
//! assert_eq!(opening.to_string(), "open until 2026-12-01 04:00 CET");
//!
//! let opening = calendar.at("2026-12-22T02:00:00Z".parse()?);
//! assert_eq!(
//!     opening.to_string(),
//!     "closed by the blackout from 2026-12-20 to 2027-01-03 (Europe/Berlin), opens Tue 2027-01-05 02:00 CET",
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod blackout;
mod calendar;
mod chance;
mod days;
mod digits;
mod error;
mod hold;
mod instant;
mod moment;
mod opening;
mod poll;
mod text;
mod window;
mod zone;

pub use blackout::Blackout;
pub use calendar::Calendar;
pub use chance::Chance;
pub use error::Error;
pub use hold::Hold;
pub use moment::Moment;
pub use opening::{Opening, Why};
pub use poll::{Look, Past, Poll};
pub use window::Window;
pub use zone::Zone;
