//! The signatures of an EFI program, as far as they can be told without keys.
//!
//! Microsoft's "Windows Authenticode Portable Executable Signature Format": behind the program lies a row of certificates, each
//! a PKCS#7 message (RFC 2315) about a digest of the program. Nothing is verified here but that digest: whom a machine
//! trusts is known to its firmware, and `sbverify` verifies with a certificate at hand.

use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use ring::digest::{Context, SHA256};
use serde::Serialize;
use x509_cert::Certificate;
use x509_cert::der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use x509_cert::der::{Decode, Reader, SliceReader};
use x509_cert::spki::AlgorithmIdentifierRef;

use super::Signer;
use crate::uki::Image;

/// The message is a PKCS#7 one.
const PKCS7: u16 = 2;

/// Bytes before the message: its length with them, a revision, its kind.
const HEADER: usize = 8;

/// The digest of the program is SHA-256 (RFC 5754).
const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");

/// One signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Signature {
    /// Who made it, if it brings that certificate along.
    pub signer: Option<Signer>,
    /// Whether it is about these very bytes; none if it has another digest than SHA-256.
    pub fits: Option<bool>,
}

/// The signatures of a program; `None` if what is there cannot be read.
pub fn signatures(image: &Image, bytes: &[u8]) -> Option<Vec<Signature>> {
    let mut rest = image.certificates(bytes)?;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let length = usize::try_from(u32::from_le_bytes(*rest.first_chunk()?)).ok()?;
        let kind = u16::from_le_bytes(*rest.get(6..)?.first_chunk()?);
        let message = rest.get(HEADER..length)?;
        if kind == PKCS7 {
            found.push(signature(image, bytes, message)?);
        }
        rest = rest.get(length.next_multiple_of(8)..)?;
    }
    Some(found)
}

fn signature(image: &Image, bytes: &[u8], message: &[u8]) -> Option<Signature> {
    // Behind the message there may be zeros up to the next multiple of eight.
    let mut reader = SliceReader::new(message).ok()?;
    let content = ContentInfo::decode(&mut reader).ok()?.content;
    let signed: SignedData = content.decode_as().ok()?;
    let (algorithm, claimed) = claim(signed.encap_content_info.econtent.as_ref()?.value())?;
    let fits = (algorithm == SHA_256).then(|| digest(image, bytes).is_some_and(|it| it == claimed));
    Some(Signature { signer: signer(&signed), fits })
}

/// What a message says of the program: which digest it has.
fn claim(content: &[u8]) -> Option<(ObjectIdentifier, Vec<u8>)> {
    let mut reader = SliceReader::new(content).ok()?;
    AnyRef::decode(&mut reader).ok()?; // what kind of file it is
    let (algorithm, claimed) = reader
        .sequence(|inner| {
            Ok((AlgorithmIdentifierRef::decode(inner)?, OctetStringRef::decode(inner)?))
        })
        .ok()?;
    Some((algorithm.oid, claimed.as_bytes().to_vec()))
}

fn digest(image: &Image, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut context = Context::new(&SHA256);
    image.signed_parts(bytes)?.into_iter().for_each(|part| context.update(part));
    Some(context.finish().as_ref().to_vec())
}

/// The certificate of the message that belongs to its signer.
fn signer(signed: &SignedData) -> Option<Signer> {
    let info = signed.signer_infos.0.iter().next()?;
    let choices = signed.certificates.as_ref()?.0.iter();
    let mut certificates = choices.filter_map(|choice| match choice {
        CertificateChoices::Certificate(certificate) => Some(certificate),
        CertificateChoices::Other(_) => None,
    });
    let certificate = certificates.find(|certificate| is_of(info, certificate))?;
    Signer::of(certificate).ok()
}

fn is_of(info: &SignerInfo, certificate: &Certificate) -> bool {
    let certificate = &certificate.tbs_certificate;
    match &info.sid {
        SignerIdentifier::IssuerAndSerialNumber(sid) => {
            sid.issuer == certificate.issuer && sid.serial_number == certificate.serial_number
        }
        SignerIdentifier::SubjectKeyIdentifier(_) => false,
    }
}
