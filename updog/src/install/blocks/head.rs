//! The head of a pack as it arrives: compared with the manifest before it is read.

use std::io::{self, Read};

use manifest::{Content, Contents, Digest};
use pack::{HEAD_BYTES, Head, Sha256};

use super::DeltaError;
use crate::install::region::BLOCK;

/// Reads the start of a pack and its head, which is the one that the manifest names.
///
/// # Errors
///
/// Refuses another head, and whatever [`Head::parse`] refuses.
pub(super) fn read(source: &mut impl Read, signed: &Content) -> Result<Head, DeltaError> {
    let mut start = [0; 12];
    fill(source, &mut start)?;
    Head::check_start(&start)?;
    let length = usize::try_from(signed.length).ok().filter(|length| *length <= HEAD_BYTES);
    let mut bytes = vec![0; length.ok_or(pack::Error::HeadTooLong)?];
    fill(source, &mut bytes)?;
    let (got, expected) = (Digest::new(Sha256::of(&bytes).0), signed.sha256);
    if got != expected {
        return Err(DeltaError::Head { got, expected });
    }
    Ok(Head::parse(&bytes)?)
}

/// Whether a pack makes what the manifest says.
///
/// # Errors
///
/// Refuses a pack for another release.
pub(super) fn check(head: &Head, contents: &Contents) -> Result<(), DeltaError> {
    let new = head.new_release();
    let is_right = new.root_hash == *contents.root_hash.as_bytes()
        && u64::from(new.root_blocks) * BLOCK == contents.root.length
        && u64::from(new.boot_blocks) == contents.boot.length.div_ceil(BLOCK);
    if is_right { Ok(()) } else { Err(DeltaError::OtherNew) }
}

/// Fills all of `bytes`.
pub(super) fn fill(source: &mut impl Read, bytes: &mut [u8]) -> Result<(), DeltaError> {
    // What arrives comes from memory: only its end is an error.
    source.read_exact(bytes).map_err(|_: io::Error| DeltaError::Short)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use pack::{MAGIC, VERSION};

    use super::*;

    fn start(rest: &[u8]) -> Vec<u8> {
        [&MAGIC[..], &VERSION.to_le_bytes(), rest].concat()
    }

    fn content(length: u64, bytes: &[u8]) -> Content {
        Content::new(length, Digest::new(Sha256::of(bytes).0))
    }

    #[test]
    fn a_head_is_compared_before_it_is_read() {
        let bytes = start(b"a head");
        let error = read(&mut &bytes[..], &content(6, b"another")).unwrap_err();
        assert!(matches!(error, DeltaError::Head { .. }), "{error}");
        let error = read(&mut &bytes[..], &content(6, b"a head")).unwrap_err();
        assert!(matches!(error, DeltaError::Pack(pack::Error::HeadFrame(_))), "{error}");
    }

    #[test]
    fn a_head_that_ends_early_or_is_too_long_is_refused() {
        let bytes = start(b"a head");
        let error = read(&mut &bytes[..], &content(7, b"a head")).unwrap_err();
        assert!(matches!(error, DeltaError::Short), "{error}");
        let error = read(&mut &bytes[..], &content(u64::MAX, b"a head")).unwrap_err();
        assert!(matches!(error, DeltaError::Pack(pack::Error::HeadTooLong)), "{error}");
        let error = read(&mut &b"something else"[..], &content(2, b"")).unwrap_err();
        assert!(matches!(error, DeltaError::Pack(pack::Error::Magic)), "{error}");
    }
}
