//! Public keys and the one place where a signature is checked.

use std::collections::HashMap;
use std::fmt;

use pem::Pem;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    UnparsedPublicKey, VerificationAlgorithm,
};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::der::{self, PublicKeyInfo};

/// Length in bytes of the longest RSA key in DER: a modulus of 8192 bits, an exponent, and what stands around them.
const MAX_RSA: usize = 1024 + 64;

/// The signature schemes that we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// `ed25519`.
    Ed25519,
    /// `ecdsa-sha2-nistp256`.
    EcdsaP256,
    /// `rsassa-pss-sha256`, 2048 to 8192 bits.
    RsaPss,
    /// `rsa-pkcs1v15-sha256`, 2048 to 8192 bits: not in the specification, but in its conformance suite.
    RsaPkcs1,
}

/// A public key. Two of them are equal if they accept the same signatures, whatever their key ids.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PublicKey {
    kind: KeyKind,
    /// What the algorithm takes: the point, or the DER of modulus and exponent.
    bytes: Vec<u8>,
}

impl PublicKey {
    /// The signature scheme.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Whether `signature` was made over `message` by this key's private half.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let algorithm: &dyn VerificationAlgorithm = match self.kind {
            KeyKind::Ed25519 => &ED25519,
            KeyKind::EcdsaP256 => &ECDSA_P256_SHA256_ASN1,
            KeyKind::RsaPss => &RSA_PSS_2048_8192_SHA256,
            KeyKind::RsaPkcs1 => &RSA_PKCS1_2048_8192_SHA256,
        };
        UnparsedPublicKey::new(algorithm, &self.bytes).verify(message, signature).is_ok()
    }

    /// What the key is, whatever it is used for: an RSA key is the same under two schemes. No two algorithms share a form.
    pub(crate) fn material(&self) -> &[u8] {
        &self.bytes
    }

    fn parse(key: &Wire) -> Option<Self> {
        let public = key.keyval.public.as_str();
        let (kind, bytes) = match (key.keytype.as_str(), key.scheme.as_str()) {
            ("ed25519", "ed25519") => (KeyKind::Ed25519, ed25519(public)?),
            ("ecdsa" | "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256") => {
                (KeyKind::EcdsaP256, ecdsa(public)?)
            }
            ("rsa", "rsassa-pss-sha256") => (KeyKind::RsaPss, rsa(public)?),
            ("rsa", "rsa-pkcs1v15-sha256") => (KeyKind::RsaPkcs1, rsa(public)?),
            _ => return None,
        };
        Some(Self { kind, bytes })
    }
}

/// An entry of a key table: a key of an unknown type, or a broken one, is no key, and no error.
#[derive(Clone, Debug, PartialEq, Eq)]
struct KeyEntry(Option<PublicKey>);

impl<'de> Deserialize<'de> for KeyEntry {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let json = <&RawValue>::deserialize(reader)?;
        let key = serde_json::from_str::<Wire>(json.get()).ok();
        Ok(Self(key.and_then(|key| PublicKey::parse(&key))))
    }
}

/// Keys by id; those of unknown types and broken ones are not in it.
#[derive(Clone, Debug)]
pub(crate) struct KeyTable(HashMap<String, PublicKey>);

impl KeyTable {
    pub(crate) fn get(&self, id: &str) -> Option<&PublicKey> {
        self.0.get(id)
    }
}

impl<'de> Deserialize<'de> for KeyTable {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_map(Table)
    }
}

struct Table;

impl<'de> Visitor<'de> for Table {
    type Value = KeyTable;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("keys by id")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<KeyTable, A::Error> {
        let mut keys = HashMap::new();
        while let Some((id, entry)) = members.next_entry::<String, KeyEntry>()? {
            keys.extend(entry.0.map(|key| (id, key)));
        }
        Ok(KeyTable(keys))
    }
}

#[derive(Deserialize)]
struct Wire {
    keytype: String,
    scheme: String,
    keyval: WireValue,
}

#[derive(Deserialize)]
struct WireValue {
    public: String,
}

fn ed25519(public: &str) -> Option<Vec<u8>> {
    hex::decode(public).ok().filter(|key| key.len() == 32)
}

/// PEM as the specification says, or the uncompressed point in hexadecimal as go-tuf writes it.
fn ecdsa(public: &str) -> Option<Vec<u8>> {
    let point = if public.starts_with("-----BEGIN") {
        let pem = pem::parse(public).ok()?;
        let info = public_key_info(&pem)?;
        (info.algorithm == der::EC && info.curve == Some(der::P256)).then(|| info.key.to_vec())?
    } else {
        hex::decode(public).ok()?
    };
    (point.len() == 65 && point.first() == Some(&4)).then_some(point)
}

/// A key beyond 8192 bits verifies nothing and is not kept.
fn rsa(public: &str) -> Option<Vec<u8>> {
    let pem = pem::parse(public).ok()?;
    let info = public_key_info(&pem)?;
    let is_rsa = info.algorithm == der::RSA && info.curve.is_none() && info.key.len() <= MAX_RSA;
    is_rsa.then(|| info.key.to_vec())
}

fn public_key_info(pem: &Pem) -> Option<PublicKeyInfo<'_>> {
    (pem.tag() == "PUBLIC KEY").then(|| PublicKeyInfo::parse(pem.contents()))?
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn entry(json: &str) -> Option<PublicKey> {
        serde_json::from_str::<KeyEntry>(json).unwrap().0
    }

    /// Made by `openssl ecparam -name prime256v1 -genkey | openssl ec -pubout`.
    const P256: &str = include_str!("../tests/keys/p256.pub");
    /// Made by `openssl genrsa 2048 | openssl rsa -pubout`.
    const RSA: &str = include_str!("../tests/keys/rsa2048.pub");

    fn json(keytype: &str, scheme: &str, public: &str) -> String {
        let public = serde_json::to_string(public).unwrap();
        format!(r#"{{"keytype":"{keytype}","scheme":"{scheme}","keyval":{{"public":{public}}}}}"#)
    }

    #[test]
    fn rsa_keys_verify_with_the_padding_that_they_are_listed_with() {
        // Made by `openssl dgst -sha256 -sign`, with rsa_padding_mode:pss and rsa_pss_saltlen:digest for the other.
        let signed = include_str!("../tests/keys/rsa2048-signed.pub");
        let pkcs1 = hex::decode(include_str!("../tests/keys/rsa2048-signed.pkcs1").trim()).unwrap();
        let pss = hex::decode(include_str!("../tests/keys/rsa2048-signed.pss").trim()).unwrap();
        let of = |scheme| entry(&json("rsa", scheme, signed)).unwrap();
        for (scheme, good, bad) in
            [("rsa-pkcs1v15-sha256", &pkcs1, &pss), ("rsassa-pss-sha256", &pss, &pkcs1)]
        {
            assert!(of(scheme).verifies(b"a message", good), "{scheme}");
            assert!(!of(scheme).verifies(b"a message", bad), "{scheme}");
            assert!(!of(scheme).verifies(b"another", good), "{scheme}");
        }
    }

    #[test]
    fn keys_of_the_three_kinds_are_read() {
        let ed25519 = entry(&json("ed25519", "ed25519", &"0a".repeat(32))).unwrap();
        assert_eq!(ed25519.kind(), KeyKind::Ed25519);
        let rsa = entry(&json("rsa", "rsassa-pss-sha256", RSA)).unwrap();
        assert_eq!(rsa.kind(), KeyKind::RsaPss);
        let ecdsa = entry(&json("ecdsa", "ecdsa-sha2-nistp256", P256)).unwrap();
        let old = entry(&json("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", P256)).unwrap();
        let hex = hex::encode(&ecdsa.bytes);
        assert_eq!(ecdsa, old);
        assert_eq!(ecdsa, entry(&json("ecdsa", "ecdsa-sha2-nistp256", &hex)).unwrap());
    }

    #[test]
    fn unknown_and_broken_keys_are_no_keys_and_no_errors() {
        for wrong in [
            json("ed25519", "ed25519", &"0a".repeat(31)),
            json("ed25519", "ed448", &"0a".repeat(32)),
            json("sphincs", "sphincs", "00"),
            json("rsa", "rsassa-pss-sha256", P256),
            json("rsa", "rsa-pkcs1v15-sha512", RSA),
            json("ecdsa", "ecdsa-sha2-nistp256", RSA),
            json("ecdsa", "ecdsa-sha2-nistp256", "04"),
            r#"{"keytype":"ed25519"}"#.into(),
            "7".into(),
        ] {
            assert_eq!(entry(&wrong), None, "{wrong}");
        }
    }
}
