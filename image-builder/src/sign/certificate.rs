//! Certificates: what names a signer.

use std::path::Path;

use ring::digest::{SHA256, digest};
use serde::Serialize;
use x509_cert::Certificate as X509;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{self, DecodePem, Encode};

use super::SignError;
use crate::error::OnFile;

/// RSA (RFC 8017): the only kind of key that every firmware verifies, and whose signatures are the same every time.
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// Whom a certificate names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Signer {
    /// Subject of the certificate, as RFC 4514 writes it.
    pub subject: String,
    /// SHA-256 of the certificate as DER, 64 lower-case hexadecimal digits.
    pub certificate_sha256: String,
}

impl Signer {
    /// The one that a certificate names.
    pub(super) fn of(certificate: &X509) -> Result<Self, der::Error> {
        Ok(Self {
            subject: certificate.tbs_certificate.subject.to_string(),
            certificate_sha256: hex::encode(digest(&SHA256, &certificate.to_der()?)),
        })
    }

    /// The one that the certificate in a PEM file names.
    pub(super) fn read(path: &Path) -> Result<Self, SignError> {
        let text = std::fs::read(path).on("read", path)?;
        let not_one = |source| SignError::Certificate { path: path.to_owned(), source };
        let certificate = X509::from_pem(text).map_err(not_one)?;
        let key = certificate.tbs_certificate.subject_public_key_info.algorithm.oid;
        if key != RSA {
            return Err(SignError::KeyKind { path: path.to_owned(), kind: key.to_string() });
        }
        Self::of(&certificate).map_err(not_one)
    }
}
