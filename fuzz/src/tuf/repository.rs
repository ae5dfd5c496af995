//! A key, what it signs, and a root that trusts it for every role.

use std::sync::LazyLock;

use bytes::Bytes;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use trust::{RootPhase, canonical_json};

static PAIR: LazyLock<Ed25519KeyPair> = LazyLock::new(|| pair(1));

fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a seed has 32 bytes")
}

/// An envelope around `signed`, which need not be JSON.
pub fn sign(signed: &[u8]) -> Bytes {
    sign_with(&PAIR, signed)
}

/// The same, signed by somebody whom nobody trusts.
pub fn forge(signed: &[u8]) -> Bytes {
    sign_with(&pair(2), signed)
}

fn sign_with(pair: &Ed25519KeyPair, signed: &[u8]) -> Bytes {
    let canonical = canonical_json(signed).unwrap_or_default();
    let signature = hex::encode(pair.sign(&canonical));
    let mut bytes = br#"{"signed":"#.to_vec();
    bytes.extend_from_slice(signed);
    bytes.extend_from_slice(
        format!(r#","signatures":[{{"keyid":"k","sig":"{signature}"}}]}}"#).as_bytes(),
    );
    bytes.into()
}

pub fn metadata(role: &str, fields: Value) -> Value {
    let mut signed = json!({
        "_type": role, "spec_version": "1.0.31", "version": 1, "expires": "2030-01-01T00:00:00Z",
    });
    for (name, value) in fields.as_object().into_iter().flatten() {
        signed[name] = value.clone();
    }
    signed
}

pub fn key() -> Value {
    let public = hex::encode(PAIR.public_key());
    json!({ "keytype": "ed25519", "scheme": "ed25519", "keyval": { "public": public } })
}

pub fn root_fields() -> Value {
    let role = json!({ "keyids": ["k"], "threshold": 1 });
    metadata(
        "root",
        json!({
            "consistent_snapshot": true,
            "keys": { "k": key() },
            "roles": { "root": role, "timestamp": role, "snapshot": role, "targets": role },
        }),
    )
}

pub fn root() -> RootPhase {
    RootPhase::start(sign(root_fields().to_string().as_bytes())).expect("it is signed")
}
