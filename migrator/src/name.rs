//! Names in the folder of a data store.

use std::fmt;
use std::io;

use rustix::rand::{GetRandomFlags, getrandom};
use semver::Version;

/// The link that everything begins with.
pub(crate) const CURRENT: &str = "current";

/// Where migrations work: what a cut run leaves of them lies in here.
pub(crate) const WORK: &str = ".migrator-work";

/// Begins the name of a link that has not got its own yet.
pub(crate) const NEW: &str = ".migrator-new-";

/// Length of the random end of a store's name.
const RANDOM: usize = 16;

const ALPHANUMERIC: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The name of a store's folder, such as `v1.5.2_0123456789abcdef`: the version that it was made for and 16 alphanumerics. A later version
/// that needed no migration may use it, too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoreName(String);

impl StoreName {
    /// Reads a name.
    pub fn parse(name: &str) -> Option<Self> {
        let (version, random) = name.strip_prefix('v')?.rsplit_once('_')?;
        let is_ours = Version::parse(version).is_ok()
            && random.len() == RANDOM
            && random.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_ours.then(|| Self(name.to_owned()))
    }

    /// A new name for a store of `version`.
    ///
    /// # Errors
    ///
    /// Fails when the kernel has no random numbers.
    pub fn random(version: &Version) -> io::Result<Self> {
        let mut name = format!("v{version}_");
        let end = name.len() + RANDOM;
        while name.len() < end {
            let mut byte = [0];
            getrandom(&mut byte, GetRandomFlags::empty())?;
            // Six bits that are one of 62, or another try.
            if let Some(letter) = ALPHANUMERIC.get(usize::from(byte[0] & 63)) {
                name.push(char::from(*letter));
            }
        }
        Ok(Self(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StoreName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A link for a version: `v1`, `v1.5` or `v1.5.2`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LinkName {
    /// `v1`
    Major(u64),
    /// `v1.5`
    Minor(u64, u64),
    /// `v1.5.2`, with all that a version has.
    Patch(Version),
}

impl LinkName {
    pub(crate) fn major(version: &Version) -> Self {
        Self::Major(version.major)
    }

    pub(crate) fn minor(version: &Version) -> Self {
        Self::Minor(version.major, version.minor)
    }

    /// Reads a name, which has one form only.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let text = name.strip_prefix('v')?;
        let link = match Version::parse(text) {
            Ok(version) => Self::Patch(version),
            Err(_) => match text.split_once('.') {
                Some((major, minor)) => Self::Minor(major.parse().ok()?, minor.parse().ok()?),
                None => Self::Major(text.parse().ok()?),
            },
        };
        (link.to_string() == name).then_some(link)
    }

    /// Whether a link of this name may lead to one of the other.
    pub(crate) fn leads_to(&self, next: &Self) -> bool {
        match (self, next) {
            (Self::Major(major), Self::Minor(next, _)) => major == next,
            (Self::Minor(major, minor), Self::Patch(next)) => {
                (*major, *minor) == (next.major, next.minor)
            }
            _ => false,
        }
    }
}

impl fmt::Display for LinkName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Major(major) => write!(out, "v{major}"),
            Self::Minor(major, minor) => write!(out, "v{major}.{minor}"),
            Self::Patch(version) => write!(out, "v{version}"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_named_after_a_version_and_sixteen_alphanumerics() {
        for name in ["v1.5.2_0123456789abcdef", "v1.1.0-rc.1+b1_ABCDEFGHIJKLMNOP"] {
            assert_eq!(StoreName::parse(name).unwrap().as_str(), name);
        }
        for name in [
            "v1.5.2",
            "v1.5_0123456789abcdef",
            "1.5.2_0123456789abcdef",
            "v1.5.2_0123456789abcde",
            "v1.5.2_0123456789abcde-",
            "v1.5.2_0123456789abcdefg",
        ] {
            assert_eq!(StoreName::parse(name), None, "{name}");
        }
    }

    #[test]
    fn new_names_differ_and_are_names() {
        let version: Version = "1.1.0+b1".parse().unwrap();
        let [one, two] = [(); 2].map(|()| StoreName::random(&version).unwrap());
        assert_ne!(one, two);
        assert_eq!(StoreName::parse(one.as_str()), Some(one));
    }

    #[test]
    fn links_have_one_form_and_lead_one_level_down() {
        let parse = |name| LinkName::parse(name).unwrap();
        for name in ["v1", "v1.5", "v1.5.2", "v1.5.2-rc1+b2"] {
            assert_eq!(parse(name).to_string(), name);
        }
        for name in ["1", "v", "v01", "v+1", "v1.", "v1.5.", "v1.5.2.3", "vx", "current", "v1.05"] {
            assert_eq!(LinkName::parse(name), None, "{name}");
        }
        assert!(parse("v1").leads_to(&parse("v1.5")));
        assert!(parse("v1.5").leads_to(&parse("v1.5.2-rc1")));
        for (from, to) in [("v1", "v2.5"), ("v1.5", "v1.6.0"), ("v1", "v1"), ("v1", "v1.5.2")] {
            assert!(!parse(from).leads_to(&parse(to)), "{from} {to}");
        }
    }
}
