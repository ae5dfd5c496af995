//! Signing one program in a file.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{SignError, Signer, Signing};
use crate::Error;
use crate::error::OnFile;
use crate::spec::Spec;
use crate::tree_file::{beside, persist};

/// A program that was signed.
#[derive(Clone, Debug, Serialize)]
pub struct SignedProgram {
    /// The file.
    pub file: PathBuf,
    /// Its length in bytes.
    pub length: u64,
    /// Who signed it.
    pub signer: Signer,
}

/// Signs the EFI program in a file as the spec says, into another file.
///
/// # Errors
///
/// Refuses what is no EFI program or is signed, and a spec that does not say with what; fails when `sbsign` does.
pub fn sign_program(spec: &Spec, program: &Path, out: &Path) -> Result<SignedProgram, Error> {
    let signing = Signing::of(spec)?.ok_or(SignError::None)?;
    let bytes = signing.sign(&fs::read(program).on("read", program)?)?;
    let mut partial = beside(out)?;
    partial.write_all(&bytes).on("write", out)?;
    persist(partial, out)?;
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    Ok(SignedProgram { file: out.to_owned(), length, signer: signing.signer })
}
