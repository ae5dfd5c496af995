//! The one verification path: received bytes → [`Draft`] → [`Verified`].

use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::speakers::Speakers;
use crate::{Error, Result, Role, RoleName, Root, canonical_json};

/// A value whose signatures were checked, with the very bytes that it was read from.
///
/// Only this crate makes one.
#[derive(Clone, Debug)]
pub struct Verified<T> {
    value: T,
    bytes: Bytes,
}

impl<T> Verified<T> {
    /// The bytes as they were received.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// The most signatures that metadata carries; no role has nearly as many keys.
const MAX_SIGNATURES: usize = 1024;

/// How often at most a stored signature is tried with a key of another id: all there can be of up to four keys.
const MAX_TRIES: usize = 4 * MAX_SIGNATURES;

/// Metadata whose signatures can be checked. Its contents are read once they are.
#[derive(Debug)]
pub struct Draft<T> {
    bytes: Bytes,
    /// The part of the bytes that is signed.
    signed: Bytes,
    /// What the signatures are over.
    canonical: Vec<u8>,
    signatures: Vec<Signature>,
    role: PhantomData<T>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    signed: &'a RawValue,
    #[serde(deserialize_with = "bounded")]
    signatures: Vec<Signature>,
}

#[derive(Debug, Deserialize)]
struct Signature {
    keyid: String,
    sig: String,
}

/// Reads signatures up to their limit.
struct Signatures;

impl<'de> Visitor<'de> for Signatures {
    type Value = Vec<Signature>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "at most {MAX_SIGNATURES} signatures")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut signatures = Vec::new();
        while let Some(signature) = items.next_element()? {
            if signatures.len() == MAX_SIGNATURES {
                return Err(A::Error::invalid_length(signatures.len() + 1, &self));
            }
            signatures.push(signature);
        }
        Ok(signatures)
    }
}

#[derive(Deserialize)]
struct Header {
    #[serde(rename = "_type")]
    kind: String,
    spec_version: String,
}

impl<T: Role> Draft<T> {
    /// Reads metadata of the role `T` as far as that is needed to check its signatures.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if `bytes` are not metadata of the role, or could be read in two ways.
    pub fn parse(bytes: Bytes) -> Result<Self> {
        let envelope: Envelope<'_> = serde_json::from_slice(&bytes).map_err(malformed::<T>)?;
        let signed = envelope.signed.get();
        // First, since it refuses doubled keys: what is read below has one reading only.
        let canonical = canonical_json(signed.as_bytes()).map_err(malformed::<T>)?;
        let header: Header = serde_json::from_str(signed).map_err(malformed::<T>)?;
        header.check::<T>()?;
        let signatures = envelope.signatures;
        check_unique(T::NAME, &signatures)?;
        let signed = bytes.slice_ref(signed.as_bytes());
        Ok(Self { bytes, signed, canonical, signatures, role: PhantomData })
    }

    /// Checks the signatures against the keys that `root` gives for the role.
    ///
    /// # Errors
    ///
    /// [`Error::Threshold`] if too few of the role's keys have signed, [`Error::Malformed`] if what they signed cannot be used.
    pub fn verify(self, root: &Root) -> Result<Verified<T>> {
        self.verify_by(&root.speakers(T::NAME))
    }

    /// Checks the signatures of what was trusted before. A root may have given the role's keys other ids since: here, an id
    /// that leads to no key that signed is no more than a hint.
    ///
    /// # Errors
    ///
    /// As [`Draft::verify`].
    pub(crate) fn verify_stored(self, root: &Root) -> Result<Verified<T>> {
        let speakers = root.speakers(T::NAME);
        let signed = self.signers(&speakers);
        if count(signed.len()) < speakers.threshold() {
            check_threshold(T::NAME, &self.signers_of_any_id(&speakers, signed), &speakers)?;
        }
        self.accept()
    }

    /// Checks the signatures against the keys of whoever gave the role away.
    pub(crate) fn verify_by(self, speakers: &Speakers) -> Result<Verified<T>> {
        self.check_signatures(speakers)?;
        self.accept()
    }

    /// Reads the contents. The canonical form goes first: the two need not be held at a time.
    fn accept(self) -> Result<Verified<T>> {
        let Self { bytes, signed, canonical, .. } = self;
        drop(canonical);
        Ok(Verified { value: value(&signed)?, bytes })
    }

    fn check_signatures(&self, speakers: &Speakers) -> Result<()> {
        check_threshold(T::NAME, &self.signers(speakers), speakers)
    }

    /// The distinct keys of the role that have signed; one signature a key id, so that the role's keys bound the work.
    fn signers<'a>(&self, speakers: &'a Speakers) -> HashSet<&'a [u8]> {
        let signed = self.signatures.iter().filter_map(|signature| {
            let key = speakers.key(&signature.keyid)?;
            key.verifies(&self.canonical, &signature.raw()?).then_some(key.material())
        });
        signed.collect()
    }

    /// Adds the keys to `signed` that have signed under whatever id, as far as [`MAX_TRIES`] go.
    fn signers_of_any_id<'a>(
        &self,
        speakers: &'a Speakers,
        mut signed: HashSet<&'a [u8]>,
    ) -> HashSet<&'a [u8]> {
        let raw: Vec<_> = self.signatures.iter().filter_map(Signature::raw).collect();
        let mut tries = MAX_TRIES;
        for key in speakers.keys() {
            if signed.contains(key.material()) {
                continue;
            }
            let tried = &raw[..raw.len().min(tries)];
            tries -= tried.len();
            if tried.iter().any(|raw| key.verifies(&self.canonical, raw)) {
                signed.insert(key.material());
            }
        }
        signed
    }
}

impl Signature {
    fn raw(&self) -> Option<Vec<u8>> {
        hex::decode(&self.sig).ok()
    }
}

fn check_threshold(role: RoleName, signed: &HashSet<&[u8]>, speakers: &Speakers) -> Result<()> {
    let (have, need) = (count(signed.len()), speakers.threshold());
    if have < need { Err(Error::Threshold { role, have, need }) } else { Ok(()) }
}

impl Draft<Root> {
    /// Accepts the first root: its own keys must have signed it.
    ///
    /// # Errors
    ///
    /// [`Error::Threshold`] if too few of them have.
    pub(crate) fn verify_by_itself(self) -> Result<Verified<Root>> {
        let own: Root = value(&self.signed)?;
        self.check_signatures(&own.speakers(RoleName::Root))?;
        Ok(Verified { value: own, bytes: self.bytes })
    }

    /// Accepts the root after `trusted`: version one higher, signed by the keys of both.
    ///
    /// # Errors
    ///
    /// [`Error::Threshold`] or [`Error::WrongVersion`].
    pub(crate) fn verify_after(self, trusted: &Root) -> Result<Verified<Root>> {
        self.check_signatures(&trusted.speakers(RoleName::Root))?;
        let expected = trusted.version().saturating_add(1);
        let own: Root = value(&self.signed)?;
        own.check_version(expected)?;
        self.check_signatures(&own.speakers(RoleName::Root))?;
        Ok(Verified { value: own, bytes: self.bytes })
    }
}

/// What is checked of a role once its signatures are.
pub(crate) trait Checks: Role {
    /// Refuses what is expired at `now`.
    fn check_expiry(&self, now: DateTime<Utc>) -> Result<()> {
        let since = self.expires();
        if since <= now { Err(Error::Expired { role: Self::NAME, since }) } else { Ok(()) }
    }

    /// Refuses any version but the one that is signed for.
    fn check_version(&self, expected: u64) -> Result<()> {
        let found = self.version();
        let role = Self::NAME;
        if found != expected { Err(Error::WrongVersion { role, expected, found }) } else { Ok(()) }
    }
}

impl<T: Role> Checks for T {}

impl Header {
    fn check<T: Role>(&self) -> Result<()> {
        let reason = if self.kind != T::NAME.as_str() {
            format!("its type is {:?}", self.kind)
        } else if !understood(&self.spec_version) {
            format!("its specification version is {:?}, not 1.x", self.spec_version)
        } else {
            return Ok(());
        };
        Err(Error::Malformed { role: T::NAME, reason })
    }
}

/// Whether a `spec_version` is of major version 1.
fn understood(spec_version: &str) -> bool {
    let numbers: Option<Vec<u64>> = spec_version.split('.').map(|part| part.parse().ok()).collect();
    numbers.is_some_and(|numbers| matches!(numbers.as_slice(), [1, _] | [1, _, _]))
}

/// A key id signs once (specification, 4.2.1).
fn check_unique(role: RoleName, signatures: &[Signature]) -> Result<()> {
    let mut seen = HashSet::new();
    match signatures.iter().find(|signature| !seen.insert(&signature.keyid)) {
        None => Ok(()),
        Some(twice) => {
            let reason = format!("the key id {:?} signs twice", twice.keyid);
            Err(Error::Malformed { role, reason })
        }
    }
}

fn value<T: Role>(signed: &[u8]) -> Result<T> {
    serde_json::from_slice(signed).map_err(malformed::<T>)
}

fn bounded<'de, D: Deserializer<'de>>(reader: D) -> Result<Vec<Signature>, D::Error> {
    reader.deserialize_seq(Signatures)
}

fn malformed<T: Role>(error: serde_json::Error) -> Error {
    Error::Malformed { role: T::NAME, reason: error.to_string() }
}

/// Refuses a version below one that was trusted.
pub(crate) fn not_below(role: RoleName, from: u64, to: u64) -> Result<()> {
    if to < from { Err(Error::Rollback { role, from, to }) } else { Ok(()) }
}

/// A length in memory as a count of bytes.
pub(crate) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::num::NonZeroU64;

    use serde_json::{Value, json};

    use super::*;
    use crate::Timestamp;

    #[test]
    fn an_rsa_key_under_two_schemes_counts_once() {
        let public = include_str!("../tests/keys/rsa2048-signed.pub");
        let key = |scheme: &str| json!({ "keytype": "rsa", "scheme": scheme, "keyval": { "public": public } });
        let keys: Value = json!({ "1": key("rsa-pkcs1v15-sha256"), "2": key("rsassa-pss-sha256") });
        let table = serde_json::from_str(&keys.to_string()).unwrap();
        let speakers = Speakers::new(&["1".into(), "2".into()], NonZeroU64::MIN, &table);
        let signature =
            |id: &str, sig: &str| Signature { keyid: id.into(), sig: sig.trim().into() };
        let draft = Draft::<Timestamp> {
            bytes: Bytes::new(),
            signed: Bytes::new(),
            canonical: b"a message".to_vec(),
            signatures: vec![
                signature("1", include_str!("../tests/keys/rsa2048-signed.pkcs1")),
                signature("2", include_str!("../tests/keys/rsa2048-signed.pss")),
            ],
            role: PhantomData,
        };
        let signed = draft.signers(&speakers);
        assert_eq!(signed.len(), 1);
        assert_eq!(draft.signers_of_any_id(&speakers, signed).len(), 1);
    }
}
