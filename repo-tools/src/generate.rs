//! New private keys, as PKCS#8 in PEM.

use std::io;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, RsaKeyPair};
use clap::ValueEnum;
use pem::{EncodeConfig, LineEnding, Pem};

/// Kinds of keys that every client knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum KeyType {
    /// Ed25519: short, quick.
    #[default]
    Ed25519,
    /// ECDSA on P-256 with SHA-256.
    Ecdsa,
    /// RSA of 3072 bits, PSS with SHA-256.
    Rsa,
}

/// What precedes the 32 secret bytes of an Ed25519 key in PKCS#8 (RFC 8410, section 7).
const ED25519_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

impl KeyType {
    /// A new key as PEM.
    pub(crate) fn generate(self) -> io::Result<String> {
        let der = self.generate_der().map_err(|_| io::Error::other("no randomness to be had"))?;
        let pem = Pem::new("PRIVATE KEY", der);
        Ok(pem::encode_config(&pem, EncodeConfig::new().set_line_ending(LineEnding::LF)))
    }

    fn generate_der(self) -> Result<Vec<u8>, aws_lc_rs::error::Unspecified> {
        let random = SystemRandom::new();
        Ok(match self {
            Self::Ed25519 => {
                let mut secret = [0; 32];
                random.fill(&mut secret)?;
                [&ED25519_PREFIX[..], &secret].concat()
            }
            Self::Ecdsa => {
                let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random)?;
                key.as_ref().to_vec()
            }
            Self::Rsa => {
                let key = RsaKeyPair::generate(KeySize::Rsa3072)?;
                AsDer::<Pkcs8V1Der<'_>>::as_der(&key)?.as_ref().to_vec()
            }
        })
    }
}
