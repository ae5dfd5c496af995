//! Digests that signed metadata names, and the comparison with what came.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use ring::digest::{Context, SHA256, SHA512};
use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::Error;

/// A SHA-256 digest, shown as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut running = Context::new(&SHA256);
        running.update(bytes);
        Self(array(running))
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Sha256 {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl FromStr for Sha256 {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Sha256({self})")
    }
}

/// The digests of one file that signed metadata names.
///
/// All of those that we know are compared; others are passed over. Where only others are named, nothing can be
/// compared, and the file is refused when it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digests {
    sha256: Option<Sha256>,
    sha512: Option<Box<[u8; 64]>>,
}

impl Digests {
    /// The SHA-256 digest, if it is among them.
    pub fn sha256(&self) -> Option<Sha256> {
        self.sha256
    }

    /// Whether none of them is of a kind that we know.
    pub fn is_empty(&self) -> bool {
        self.sha256.is_none() && self.sha512.is_none()
    }

    /// What stands before a target's name in a repository with consistent snapshots: any of its digests.
    pub(crate) fn name_part(&self) -> String {
        match (&self.sha256, &self.sha512) {
            (Some(sha256), _) => sha256.to_string(),
            (None, Some(sha512)) => hex::encode(sha512.as_slice()),
            (None, None) => String::new(),
        }
    }

    /// Compares all digests with those of `bytes`, which is the whole of `name`.
    pub(crate) fn check(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        if self.is_empty() {
            return Err(Error::NoDigest { name: name.to_owned() });
        }
        let mut running = Running::new(self);
        running.update(bytes);
        running.finish(name)
    }
}

impl<'de> Deserialize<'de> for Digests {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_map(ByAlgorithm)
    }
}

struct ByAlgorithm;

impl<'de> Visitor<'de> for ByAlgorithm {
    type Value = Digests;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("digests by algorithm")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Digests, A::Error> {
        let mut digests = Digests { sha256: None, sha512: None };
        while let Some(algorithm) = members.next_key::<Cow<'_, str>>()? {
            match algorithm.as_ref() {
                "sha256" => {
                    let text: String = members.next_value()?;
                    digests.sha256 = Some(text.parse().map_err(A::Error::custom)?);
                }
                "sha512" => {
                    let text: String = members.next_value()?;
                    digests.sha512 = Some(sha512(&text).map_err(A::Error::custom)?);
                }
                _ => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(digests)
    }
}

fn sha512(text: &str) -> Result<Box<[u8; 64]>, hex::FromHexError> {
    let mut bytes = Box::new([0; 64]);
    hex::decode_to_slice(text, bytes.as_mut_slice())?;
    Ok(bytes)
}

/// The digests of a file that is still being read, beside those that it must have.
pub(crate) struct Running {
    expected: Digests,
    sha256: Option<Context>,
    sha512: Option<Context>,
}

impl Running {
    pub(crate) fn new(expected: &Digests) -> Self {
        Self {
            sha256: expected.sha256.is_some().then(|| Context::new(&SHA256)),
            sha512: expected.sha512.is_some().then(|| Context::new(&SHA512)),
            expected: expected.clone(),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        for running in self.sha256.iter_mut().chain(&mut self.sha512) {
            running.update(bytes);
        }
    }

    pub(crate) fn finish(self, name: &str) -> Result<(), Error> {
        if let (Some(expected), Some(found)) = (self.expected.sha256, self.sha256) {
            compare(name, "sha256", expected.as_bytes(), &array::<32>(found))?;
        }
        if let (Some(expected), Some(found)) = (self.expected.sha512, self.sha512) {
            compare(name, "sha512", expected.as_slice(), &array::<64>(found))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Running").field("expected", &self.expected).finish_non_exhaustive()
    }
}

fn compare(
    name: &str,
    algorithm: &'static str,
    expected: &[u8],
    found: &[u8],
) -> Result<(), Error> {
    if expected == found {
        return Ok(());
    }
    Err(Error::WrongHash {
        name: name.to_owned(),
        algorithm,
        expected: hex::encode(expected),
        found: hex::encode(found),
    })
}

fn array<const N: usize>(running: Context) -> [u8; N] {
    running
        .finish()
        .as_ref()
        .try_into()
        .expect("each caller asks for the length that its algorithm has")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const ABC_512: &str = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                           2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

    fn digests(json: &str) -> serde_json::Result<Digests> {
        serde_json::from_str(json)
    }

    #[test]
    fn every_known_digest_is_compared() {
        let both = format!(r#"{{"sha256":"{ABC}","sha512":"{ABC_512}","md5":"no"}}"#);
        let both = digests(&both).unwrap();
        both.check("x", b"abc").unwrap();
        let half = format!(r#"{{"sha256":"{ABC}","sha512":"{}"}}"#, "00".repeat(64));
        let error = digests(&half).unwrap().check("x", b"abc").unwrap_err();
        assert!(matches!(error, Error::WrongHash { algorithm: "sha512", .. }), "{error}");
        let error = both.check("x", b"abd").unwrap_err();
        assert!(matches!(error, Error::WrongHash { algorithm: "sha256", .. }), "{error}");
    }

    #[test]
    fn a_malformed_digest_is_refused_at_once_and_unknown_ones_when_they_are_needed() {
        for json in [
            "[]",
            r#"{"sha256":null}"#,
            r#"{"sha256":"00"}"#,
            r#"{"sha256":"zz"}"#,
            r#"{"sha512":"00"}"#,
        ] {
            assert!(digests(json).is_err(), "{json}");
        }
        for json in ["{}", r#"{"md5":"00"}"#] {
            let error = digests(json).unwrap().check("x", b"abc").unwrap_err();
            assert!(matches!(error, Error::NoDigest { .. }), "{error}");
        }
    }
}
