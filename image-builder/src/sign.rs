//! Signing EFI programs for Secure Boot.
//!
//! `sbsign` makes the signatures, with a key in a file or in a token. It writes the time into them, so it runs with the spec's
//! time for a clock (`faketime`): the same input gives the same bytes, as RSA signatures (PKCS#1 v1.5) of the same
//! bytes are the same. What comes back is looked at before it is used: it must be the program with one signature, by the
//! certificate of the spec, about these very bytes.
//!
//! Left out on purpose: making keys, and bringing them into a machine's firmware. See `docs/secure-boot.md`.

mod certificate;
mod program;
mod signature;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cli::Kind;
use x509_cert::der;

use crate::error::{FileError, OnFile};
use crate::spec::{SecureBoot, SigningKey, SigningTime, Spec};
use crate::tool::{Tool, ToolError};
use crate::uki::{Image, PeError};

pub use certificate::Signer;
pub use program::{SignedProgram, sign_program};
pub use signature::{Signature, signatures};

/// Why a program was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The spec does not say with what.
    #[error("the spec has no [secure_boot]")]
    None,
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The certificate is none.
    #[error("{} is no certificate as PEM", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: der::Error,
    },
    /// Firmware would not take a signature by such a key.
    #[error("the key of {} is of kind {kind}, and firmware verifies RSA", path.display())]
    KeyKind {
        /// The certificate.
        path: PathBuf,
        /// The kind, as an object identifier.
        kind: String,
    },
    /// It is no EFI program.
    #[error("only EFI programs are signed")]
    NoProgram(#[source] PeError),
    /// It has a signature.
    #[error("it is signed already")]
    Signed,
    /// It was not signed.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// What came back is not what was asked for.
    #[error("sbsign gave back {0}")]
    Odd(&'static str),
}

impl SignError {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::None | Self::Certificate { .. } | Self::KeyKind { .. } => Kind::Usage,
            Self::Signed | Self::NoProgram(_) => Kind::Refused,
            Self::File(_) | Self::Tool(_) | Self::Odd(_) => Kind::Failed,
        }
    }

    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Tool(error) => error.hint(),
            _ => None,
        }
    }
}

/// A key, its certificate, and the time that signatures have.
#[derive(Clone, Debug)]
pub struct Signing<'a> {
    secure_boot: &'a SecureBoot,
    folder: &'a Path,
    timestamp: u32,
    /// Whom the certificate names.
    pub signer: Signer,
}

impl<'a> Signing<'a> {
    /// What a spec says, if it says that programs are signed.
    ///
    /// # Errors
    ///
    /// Refuses a certificate that is none, or whose key firmware does not take.
    pub fn of(spec: &'a Spec) -> Result<Option<Self>, SignError> {
        let Some(secure_boot) = &spec.secure_boot else { return Ok(None) };
        let signer = Signer::read(&spec.folder.join(&secure_boot.certificate.0))?;
        Ok(Some(Self { secure_boot, folder: &spec.folder, timestamp: spec.timestamp, signer }))
    }

    /// Signs a program.
    ///
    /// # Errors
    ///
    /// Refuses what is no program or is signed, and fails when `sbsign` does.
    pub fn sign(&self, program: &[u8]) -> Result<Vec<u8>, SignError> {
        if Image::parse(program).map_err(SignError::NoProgram)?.is_signed() {
            return Err(SignError::Signed);
        }
        let folder = std::env::temp_dir();
        let work = tempfile::tempdir_in(&folder).on("create a folder in", &folder)?;
        let [from, to] = ["program.efi", "signed.efi"].map(|name| work.path().join(name));
        fs::write(&from, program).on("write", &from)?;
        self.sbsign(&from, &to)?;
        let signed = fs::read(&to).on("read", &to)?;
        self.check(&signed).map(|()| signed)
    }

    fn sbsign(&self, from: &Path, to: &Path) -> Result<(), SignError> {
        let prepare = |command: &mut Command| {
            match &self.secure_boot.key {
                SigningKey::File(file) => command.arg("--key").arg(self.folder.join(&file.0)),
                SigningKey::Token(uri) => command.args(["--engine", "pkcs11", "--key", uri]),
            };
            let certificate = self.folder.join(&self.secure_boot.certificate.0);
            command.arg("--cert").arg(certificate).arg("--output").args([to, from]);
        };
        match self.secure_boot.signing_time {
            SigningTime::Now => Tool::Sbsign.run(prepare)?,
            SigningTime::Spec => Tool::Sbsign.run_at(self.timestamp, prepare)?,
        };
        Ok(())
    }

    /// Whether this is a program with one signature, ours, and nothing behind it.
    fn check(&self, signed: &[u8]) -> Result<(), SignError> {
        let image = Image::parse(signed).map_err(|_| SignError::Odd("no EFI program"))?;
        if u64::try_from(signed.len()) != Ok(image.file_length()) {
            return Err(SignError::Odd("a file of another length than its headers say"));
        }
        match signatures(&image, signed).as_deref() {
            Some([Signature { signer: Some(signer), fits: Some(true) }])
                if *signer == self.signer =>
            {
                Ok(())
            }
            _ => Err(SignError::Odd("a program without the one signature that was asked for")),
        }
    }
}
