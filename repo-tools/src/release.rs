//! Releases in the manifest: adding, listing, changing waves, withdrawing.

mod add;
mod added;
mod lacking;
mod list;
mod migrations;
mod waves;
mod withdraw;

use manifest::{Manifest, Update};
use semver::Version;

pub use add::{Add, add};
pub use added::{Added, Outcome};
pub use list::{Listed, ListedFrames, ListedPack, ListedRelease, list};
pub(crate) use migrations::PROGRAMS;
pub use waves::{Changed, WaveChange, change_waves};
pub use withdraw::{Withdrawn, withdraw};

use crate::{Error, Result};

/// Names one release; what is left out may be anything, as long as one release only matches.
#[derive(Clone, Debug)]
pub struct Selector {
    /// The version.
    pub version: Version,
    /// The variant.
    pub variant: Option<String>,
    /// The architecture.
    pub arch: Option<String>,
}

impl Selector {
    /// The place of the one release that matches.
    fn find(&self, manifest: &Manifest) -> Result<usize> {
        let matching: Vec<usize> = (0..manifest.updates.len())
            .filter(|index| self.matches(&manifest.updates[*index]))
            .collect();
        match matching.as_slice() {
            [one] => Ok(*one),
            [] => Err(Error::NoRelease(self.version.to_string())),
            several => {
                let labels = several.iter().map(|index| manifest.updates[*index].label());
                Err(Error::Ambiguous(labels.collect()))
            }
        }
    }

    fn matches(&self, update: &Update) -> bool {
        let is = |wanted: &Option<String>, found: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted == found)
        };
        update.version == self.version
            && is(&self.variant, &update.variant)
            && is(&self.arch, &update.arch)
    }
}

/// Whether two releases are for the same hosts.
pub(crate) fn same_hosts(left: &Update, right: &Update) -> bool {
    left.variant == right.variant && left.arch == right.arch
}
