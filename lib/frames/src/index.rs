//! The index of a release.

use uuid::Uuid;
use verity::{Params, Salt};

use crate::cursor::Cursor;
use crate::{Error, ImageIndex};

/// The first bytes of an index.
pub const MAGIC: [u8; 8] = *b"WSFRAMES";

/// The version of the format, which stands behind [`MAGIC`].
pub const VERSION: u32 = 1;

/// The longest index, in bytes: images of 100 GiB.
pub const INDEX_BYTES: usize = 256 << 20;

/// What the images of a release consist of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    params: Params,
    root: ImageIndex,
    boot: ImageIndex,
}

impl Index {
    /// Reads an index.
    ///
    /// # Errors
    ///
    /// Refuses what is too long, is cut off, goes on or is not consistent, and says what.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > INDEX_BYTES {
            return Err(Error::TooLong(bytes.len()));
        }
        let mut bytes = Cursor::new(bytes);
        check_start(&mut bytes)?;
        let params = params(&mut bytes)?;
        let root = ImageIndex::read(&mut bytes)?;
        let boot = ImageIndex::read(&mut bytes)?;
        bytes.end()?;
        Ok(Self { params, root, boot })
    }

    /// Salt and UUID of the release's tree.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// The root image.
    pub fn root(&self) -> &ImageIndex {
        &self.root
    }

    /// The boot image.
    pub fn boot(&self) -> &ImageIndex {
        &self.boot
    }
}

fn check_start(bytes: &mut Cursor<'_>) -> Result<(), Error> {
    if bytes.array().map_err(|_| Error::Magic)? != MAGIC {
        return Err(Error::Magic);
    }
    match bytes.u32()? {
        VERSION => Ok(()),
        other => Err(Error::Version(other)),
    }
}

fn params(bytes: &mut Cursor<'_>) -> Result<Params, Error> {
    let length = usize::from(bytes.u16()?);
    let salt = Salt::new(bytes.bytes(length)?)?;
    Ok(Params { salt, uuid: Uuid::from_bytes(bytes.array()?) })
}
