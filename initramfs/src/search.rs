//! On which disk the image is that is to be booted.
//!
//! Every disk is asked, since no name of a disk is the same in every start. The image must be on exactly one: of two that have it, as a
//! machine has with a copy of its own disk attached, either could be the one whose settings and whose sets are meant.

use std::fmt;
use std::io;
use std::time::Duration;

use gptprio::SetId;
use verity::BootParameter;

use crate::failure::chain;
use crate::place::{Place, PlaceError, place};
use crate::system::SystemRoot;

/// Why the image was not found.
#[derive(Debug)]
pub enum SearchError {
    /// The kernel does not tell its disks.
    Disks(io::Error),
    /// There are no disks.
    NoDisk,
    /// No disk has it; why not, for each.
    Nowhere(Vec<(String, PlaceError)>),
    /// More than one disk has it.
    Several(Vec<String>),
}

/// Where the image of a set is.
///
/// # Errors
///
/// Says why it was not found.
pub fn search(
    system: &SystemRoot,
    set: SetId,
    wanted: &BootParameter,
) -> Result<Place, SearchError> {
    let (mut found, mut others) = (Vec::new(), Vec::new());
    for disk in system.disks().map_err(SearchError::Disks)? {
        match place(&disk, set, wanted) {
            Ok(place) => found.push(place),
            Err(error) => others.push((disk.name, error)),
        }
    }
    match (found.pop(), found.is_empty()) {
        (Some(place), true) => Ok(place),
        (Some(last), false) => {
            found.push(last);
            Err(SearchError::Several(found.into_iter().map(|place| place.disk).collect()))
        }
        (None, _) if others.is_empty() => Err(SearchError::NoDisk),
        (None, _) => Err(SearchError::Nowhere(others)),
    }
}

impl SearchError {
    /// How long disks that are not there yet are waited for, counted from the first search.
    ///
    /// Where a disk of ours is without the image, its own disk may still come, but not often.
    #[must_use]
    pub fn patience(&self) -> Duration {
        let ours = |others: &[(String, PlaceError)]| others.iter().any(|(_, why)| why.is_of_ours());
        match self {
            Self::Several(_) => Duration::ZERO,
            Self::Nowhere(others) if ours(others) => Duration::from_secs(3),
            Self::Disks(_) | Self::NoDisk | Self::Nowhere(_) => Duration::from_secs(30),
        }
    }
}

impl std::error::Error for SearchError {}

impl fmt::Display for SearchError {
    /// The disks of ours, or if there are none, all.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disks(error) => write!(out, "the kernel does not tell its disks: {error}"),
            Self::NoDisk => out.write_str("there is no disk"),
            Self::Several(names) => {
                write!(out, "more than one disk has the image: {}", names.join(", "))
            }
            Self::Nowhere(others) => {
                let ours: Vec<_> = others.iter().filter(|(_, why)| why.is_of_ours()).collect();
                let told = if ours.is_empty() { others.iter().collect() } else { ours };
                let told = told.iter().map(|(name, why)| format!("{name}: {}", chain(why)));
                write!(out, "no disk has the image: {}", told.collect::<Vec<_>>().join("; "))
            }
        }
    }
}

#[cfg(test)]
mod tests;
