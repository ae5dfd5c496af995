//! Signatures over the canonical form of metadata.

use std::thread;

use aws_lc_rs::rand::SystemRandom;
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};
use tough::schema::{Role, Root};
use trust::{RoleName, canonical_json};

use crate::keys::{Keyring, Signer};
use crate::{Error, Result};

/// Signs `signed` with every key at hand that `root` lets speak for `role`; gives the file.
pub(crate) fn sign<T: Role>(
    signed: &T,
    role: RoleName,
    root: &Root,
    keys: &Keyring,
) -> Result<Bytes> {
    let mut signers = Vec::new();
    for signer in keys.signers(root, role)? {
        signers.push((key_id(root, signer, role)?, signer));
    }
    envelope(signed, role, &signers)
}

/// The file with the signatures of `signers`, each with its key id.
pub(crate) fn envelope<T: Serialize>(
    signed: &T,
    role: RoleName,
    signers: &[(String, &Signer)],
) -> Result<Bytes> {
    let refuse = |reason: String| Error::Sign { role, reason };
    // By way of a tree, whose objects are sorted: the same contents give the same bytes.
    let signed: Value = serde_json::to_value(signed).map_err(|error| refuse(error.to_string()))?;
    let message = canonical_json(signed.to_string().as_bytes());
    let message = message.map_err(|error| refuse(error.to_string()))?;
    let mut signatures = Vec::new();
    for (id, signer) in signers {
        let signature = sign_message(signer, &message).map_err(refuse)?;
        signatures.push(json!({ "keyid": id, "sig": hex::encode(signature) }));
    }
    let mut text = json!({ "signatures": signatures, "signed": signed }).to_string();
    text.push('\n');
    Ok(text.into())
}

/// The id that `root` knows the key by.
fn key_id(root: &Root, signer: &Signer, role: RoleName) -> Result<String> {
    let id = root.keys.iter().find(|(_, key)| **key == signer.key).map(|(id, _)| hex::encode(id));
    let missing = || Error::Sign { role, reason: "the root does not know the key".to_owned() };
    id.ok_or_else(missing)
}

/// tough's keys sign asynchronously, since some lie in a network; on a thread of its own, so that callers
/// may be asynchronous themselves.
fn sign_message(signer: &Signer, message: &[u8]) -> Result<Vec<u8>, String> {
    let sign = || {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let random = SystemRandom::new();
        runtime.block_on(signer.pair.sign(message, &random)).map_err(|error| error.to_string())
    };
    let joined = thread::scope(|scope| scope.spawn(sign).join());
    joined.unwrap_or_else(|_| Err("the key's code panicked".to_owned()))
}
