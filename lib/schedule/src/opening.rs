//! What a calendar says of an instant.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::blackout::Blackout;
use crate::moment::Moment;

/// Open or closed, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Opening {
    /// It may be done.
    Open {
        /// When it closes next; `None`: not within two years.
        until: Option<Moment>,
    },
    /// It may not be done.
    Closed {
        /// When it opens next; `None`: not within two years.
        opens: Option<Moment>,
        /// What closes it.
        why: Why,
    },
}

/// Why a calendar is closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// There are windows, and none of them is open.
    OutsideWindows,
    /// A blackout holds; of several, the one that ends last.
    Blackout(Blackout),
}

impl Opening {
    /// Whether it may be done.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }

    /// When this changes; `None`: not within two years.
    pub fn changes(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Open { until: next } | Self::Closed { opens: next, .. } => {
                next.as_ref().map(Moment::time)
            }
        }
    }
}

impl fmt::Display for Opening {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { until: None } => out.write_str("open"),
            Self::Open { until: Some(until) } => write!(out, "open until {until}"),
            Self::Closed { opens: Some(opens), why } => {
                write!(out, "closed {why}, opens {} {opens}", opens.weekday())
            }
            Self::Closed { opens: None, why } => {
                write!(out, "closed {why}, does not open within two years")
            }
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutsideWindows => out.write_str("outside of its windows"),
            Self::Blackout(blackout) => write!(out, "by the {blackout}"),
        }
    }
}
