//! What can be wrong with a schedule.

use thiserror::Error;

/// A schedule that does not mean one thing is refused; each message names the field and what stands there.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// No time zone of that name, neither on this host nor in this program.
    #[error(
        "time_zone is '{0}', which is no time zone of this host, such as 'Europe/Berlin' or 'UTC'"
    )]
    Zone(String),
    /// No time of day.
    #[error("start is '{0}', not a time of day from '00:00' to '23:59'")]
    Start(String),
    /// A window of no length, or longer than a week.
    #[error("length_minutes is {0}, not 1 to 10080 (a week)")]
    Length(i64),
    /// Something that is no day of the week.
    #[error("days has '{0}', not one of mon, tue, wed, thu, fri, sat, sun")]
    Day(String),
    /// A day stands twice.
    #[error("days has '{0}' twice")]
    DoubledDay(String),
    /// A list without a day: a window that would never open.
    #[error("days is empty; without it, every day is meant")]
    NoDays,
    /// No day of the calendar.
    #[error("{field} is '{value}', not a day such as '2026-12-20'")]
    Date {
        /// The field, `from` or `to`.
        field: &'static str,
        /// What stands there.
        value: String,
    },
    /// A blackout that ends before it begins.
    #[error("to is '{to}', before from, which is '{from}'")]
    Order {
        /// The first day.
        from: String,
        /// The last day.
        to: String,
    },
    /// An interval out of its bounds.
    #[error("check_interval_seconds is {0}, not 1 to 31622400 (a year)")]
    Interval(u64),
    /// A longest interval out of its bounds.
    #[error(
        "max_interval_seconds is {max}, not from check_interval_seconds ({interval}) to 31622400 (a year)"
    )]
    MaxInterval {
        /// The interval.
        interval: u64,
        /// The longest one.
        max: u64,
    },
    /// The text is no time that a hold could end at.
    #[error(
        "'{0}' is no time, such as '2026-12-01 08:00', '2026-12-01 08:00 Europe/Berlin', '2026-12-01T08:00:00Z' or '2 hours'"
    )]
    Until(String),
    /// A hold that would be over already.
    #[error("'{text}' is {time}, which is over")]
    Over {
        /// What was given.
        text: String,
        /// When that was.
        time: String,
    },
    /// A hold that would end after the last year that there is.
    #[error("'{0}' is too far away")]
    TooFar(String),
}

/// What was given, short enough for a message.
pub(crate) fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}
