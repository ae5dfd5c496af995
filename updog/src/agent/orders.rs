//! What an operator tells the agent: to hold, and to go on with a step that waits to be told.
//!
//! One small file in the state folder, written by the commands and by the agent, which takes out what it has carried out; each of them under a
//! lock of its own. A damaged file holds the agent: what it said may have been a hold.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use semver::Version;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::record::Kind;
use crate::files::{locked, read_small, replace};

/// Name of the file in the state folder.
pub const FILE: &str = "orders.json";

/// Name of the file whose lock a writer holds.
const LOCK: &str = "orders.lock";

/// The format that this code writes and reads.
const FORMAT: u32 = 1;

/// Longest file that is read, in bytes.
const MAX_LENGTH: u64 = 64 << 10;

/// What an operator wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orders {
    format: u32,
    /// To do nothing for now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// To do a step that is not done by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub go: Option<Go>,
}

/// A hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Since when.
    pub since: DateTime<Utc>,
    /// When it ends by itself, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// Why, in the operator's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Leave to do one step, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Go {
    /// The step.
    pub step: Kind,
    /// The release that it was given for; none for a check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// When.
    pub at: DateTime<Utc>,
}

/// Why the orders cannot be used.
#[derive(Debug, Error)]
pub enum OrdersError {
    /// The file or its folder cannot be used.
    #[error("cannot use the orders {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is there and makes no sense.
    #[error(
        "the orders {path} are damaged, and hold the agent: {problem}: `updog resume` writes them anew"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

impl Default for Orders {
    fn default() -> Self {
        Self { format: FORMAT, hold: None, go: None }
    }
}

impl Hold {
    /// Whether it still holds. A clock that went back lets none begin anew: one without an end is ended by a command only.
    pub fn holds(&self, now: DateTime<Utc>) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl Orders {
    /// The hold that is on now.
    pub fn hold_now(&self, now: DateTime<Utc>) -> Option<&Hold> {
        self.hold.as_ref().filter(|hold| hold.holds(now))
    }

    /// Whether leave was given for this step.
    pub fn lets(&self, step: Kind, version: Option<&Version>) -> bool {
        self.go.as_ref().is_some_and(|go| go.step == step && go.version.as_ref() == version)
    }
}

/// The orders in the state folder; none if there is no file.
///
/// # Errors
///
/// Fails when there is one that cannot be read or makes no sense.
pub fn read(state: &Path) -> Result<Orders, OrdersError> {
    let path = state.join(FILE);
    match read_small(&path, MAX_LENGTH) {
        Ok(Some(bytes)) => parse(&bytes).map_err(|problem| OrdersError::Damaged { path, problem }),
        Ok(None) => Ok(Orders::default()),
        Err(source) => Err(OrdersError::File { path, source }),
    }
}

/// The orders that these bytes are.
///
/// # Errors
///
/// Says what is wrong with bytes that are none, or ones of another format.
pub fn parse(bytes: &[u8]) -> Result<Orders, String> {
    let orders: Orders = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    match orders.format {
        FORMAT => Ok(orders),
        format => Err(format!("they have format {format}, this program knows {FORMAT}")),
    }
}

/// Changes the orders, durably. What the change says is given back.
///
/// # Errors
///
/// Fails when they are damaged, or cannot be replaced; the old ones are then still there.
pub fn change<T>(state: &Path, change: impl FnOnce(&mut Orders) -> T) -> Result<T, OrdersError> {
    let _lock = lock(state)?;
    let orders = read(state)?;
    apply(state, orders, change)
}

/// As [`change`], but damaged orders are written anew.
///
/// # Errors
///
/// Fails when they can neither be read nor replaced.
pub fn change_or_begin<T>(
    state: &Path,
    change: impl FnOnce(&mut Orders) -> T,
) -> Result<T, OrdersError> {
    let _lock = lock(state)?;
    match read(state) {
        Ok(orders) => apply(state, orders, change),
        Err(OrdersError::Damaged { .. }) => {
            let result = write(state, &Orders::default());
            result.and_then(|()| apply(state, Orders::default(), change))
        }
        Err(error) => Err(error),
    }
}

fn apply<T>(
    state: &Path,
    mut orders: Orders,
    change: impl FnOnce(&mut Orders) -> T,
) -> Result<T, OrdersError> {
    let before = orders.clone();
    let result = change(&mut orders);
    if orders != before {
        write(state, &orders)?;
    }
    Ok(result)
}

fn write(state: &Path, orders: &Orders) -> Result<(), OrdersError> {
    let path = state.join(FILE);
    let bytes = serde_json::to_vec_pretty(orders).map_err(io::Error::other);
    bytes
        .and_then(|bytes| replace(state, &path, &bytes))
        .map_err(|source| OrdersError::File { path, source })
}

fn lock(state: &Path) -> Result<File, OrdersError> {
    locked(state, LOCK).map_err(|source| OrdersError::File { path: state.join(LOCK), source })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::*;

    fn hold(until: Option<i64>) -> Hold {
        let time = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        Hold { since: time(0), until: until.map(time), why: None }
    }

    #[test]
    fn a_hold_ends_at_its_time_or_by_a_command() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let orders = Orders { hold: Some(hold(Some(10))), ..Orders::default() };
        assert!(orders.hold_now(at(9)).is_some() && orders.hold_now(at(10)).is_none());
        assert!(hold(None).holds(at(1 << 40)));
    }

    #[test]
    fn leave_is_for_one_release() {
        let (one, other) = (Version::new(1, 1, 0), Version::new(1, 2, 0));
        let go = Go { step: Kind::Fetch, version: Some(one.clone()), at: DateTime::UNIX_EPOCH };
        let orders = Orders { go: Some(go), ..Orders::default() };
        assert!(orders.lets(Kind::Fetch, Some(&one)));
        assert!(!orders.lets(Kind::Fetch, Some(&other)) && !orders.lets(Kind::Restart, Some(&one)));
    }

    #[test]
    fn damaged_orders_are_no_missing_ones_and_are_written_anew_on_demand() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path();
        change(state, |orders| orders.hold = Some(hold(None))).unwrap();
        assert!(read(state).unwrap().hold.is_some());
        fs::write(state.join(FILE), "{\"format\":1,").unwrap();
        assert!(matches!(read(state), Err(OrdersError::Damaged { .. })));
        assert!(change(state, |_| ()).is_err());
        change_or_begin(state, |orders| orders.hold = None).unwrap();
        assert_eq!(read(state).unwrap(), Orders::default());
    }
}
