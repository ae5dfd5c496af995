//! The first 512 bytes of a hash image.
//!
//! ```text
//!   0  "verity\0\0"          64  data block size, u32     88  salt, 256 bytes
//!   8  version 1, u32        68  hash block size, u32    344  zeros up to 512
//!  12  hash type 1, u32      72  data blocks, u64
//!  16  UUID                  80  salt length, u16
//!  32  algorithm, 32 bytes   82  zeros
//! ```
//!
//! Numbers are little-endian. No digest covers the superblock, so it is read strictly: what this crate would
//! not write is refused.

use uuid::Uuid;

use crate::{BlockCount, LengthError, Params, Salt};

/// What is known of a tree without its root hash. Not trustworthy by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Superblock {
    /// Salt and UUID.
    pub params: Params,
    /// Data blocks that the tree covers.
    pub data_blocks: BlockCount,
}

/// Why 512 bytes are not a superblock that this crate knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SuperblockError {
    /// Something else, or nothing, is there.
    #[error("there is no dm-verity superblock")]
    Signature,
    /// Another version.
    #[error("superblock version {0} is not known, only 1")]
    Version(u32),
    /// The type of Chrome OS, or an unknown one.
    #[error("hash type {0} is not supported, only 1 (salt before data)")]
    HashType(u32),
    /// Another algorithm.
    #[error("the hash algorithm is not sha256")]
    Algorithm,
    /// Another block size.
    #[error("data blocks of {data} and hash blocks of {hash} bytes are not supported, only 4096")]
    BlockSize {
        /// Bytes of a data block.
        data: u32,
        /// Bytes of a hash block.
        hash: u32,
    },
    /// More salt than there is room for.
    #[error("the superblock claims {0} bytes of salt, and 256 are the limit")]
    SaltLength(u16),
    /// No data, or more than there can be.
    #[error(transparent)]
    DataBlocks(#[from] LengthError),
    /// Bytes that mean nothing are not zero.
    #[error("unused bytes of the superblock are not zero")]
    NotZero,
}

const SIGNATURE: &[u8; 8] = b"verity\0\0";
const ALGORITHM: &[u8; 32] = b"sha256\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
const BLOCK_SIZE: u32 = 4096;

impl Superblock {
    /// Its length in bytes.
    pub const LENGTH: usize = 512;

    /// Reads a superblock.
    ///
    /// # Errors
    ///
    /// Refuses everything that [`Superblock::to_bytes`] would not write.
    pub fn parse(bytes: &[u8; Self::LENGTH]) -> Result<Self, SuperblockError> {
        expect(field(bytes, 0) == *SIGNATURE, SuperblockError::Signature)?;
        expect_number(bytes, 8, SuperblockError::Version)?;
        expect_number(bytes, 12, SuperblockError::HashType)?;
        expect(field(bytes, 32) == *ALGORITHM, SuperblockError::Algorithm)?;
        let data = u32::from_le_bytes(field(bytes, 64));
        let hash = u32::from_le_bytes(field(bytes, 68));
        let sizes = SuperblockError::BlockSize { data, hash };
        expect((data, hash) == (BLOCK_SIZE, BLOCK_SIZE), sizes)?;
        let data_blocks = BlockCount::new(u64::from_le_bytes(field(bytes, 72)))?;
        let params = Params { salt: salt(bytes)?, uuid: Uuid::from_bytes(field(bytes, 16)) };
        Ok(Self { params, data_blocks })
    }

    /// The bytes of the superblock.
    pub fn to_bytes(&self) -> [u8; Self::LENGTH] {
        let salt = self.params.salt.as_bytes();
        let salt_length = u16::try_from(salt.len()).expect("a salt has at most 256 bytes");
        let mut bytes = [0; Self::LENGTH];
        let mut put = |start: usize, value: &[u8]| {
            bytes[start..start + value.len()].copy_from_slice(value);
        };
        put(0, SIGNATURE);
        put(8, &1_u32.to_le_bytes());
        put(12, &1_u32.to_le_bytes());
        put(16, self.params.uuid.as_bytes());
        put(32, ALGORITHM);
        put(64, &BLOCK_SIZE.to_le_bytes());
        put(68, &BLOCK_SIZE.to_le_bytes());
        put(72, &self.data_blocks.blocks().to_le_bytes());
        put(80, &salt_length.to_le_bytes());
        put(88, salt);
        bytes
    }
}

/// The `N` bytes from `start`.
fn field<const N: usize>(bytes: &[u8; Superblock::LENGTH], start: usize) -> [u8; N] {
    bytes[start..start + N].try_into().expect("every field lies within the superblock")
}

fn expect(condition: bool, otherwise: SuperblockError) -> Result<(), SuperblockError> {
    if condition { Ok(()) } else { Err(otherwise) }
}

/// Expects the number one.
fn expect_number(
    bytes: &[u8; Superblock::LENGTH],
    start: usize,
    otherwise: impl Fn(u32) -> SuperblockError,
) -> Result<(), SuperblockError> {
    let number = u32::from_le_bytes(field(bytes, start));
    expect(number == 1, otherwise(number))
}

/// The salt; all unused bytes are checked here, since its length says where they begin.
fn salt(bytes: &[u8; Superblock::LENGTH]) -> Result<Salt, SuperblockError> {
    let length = u16::from_le_bytes(field(bytes, 80));
    let end = 88 + usize::from(length);
    let salt = Salt::new(&bytes[88..end.min(Superblock::LENGTH)])
        .map_err(|_| SuperblockError::SaltLength(length))?;
    let unused = bytes[82..88].iter().chain(&bytes[end..]);
    expect(unused.copied().all(|byte| byte == 0), SuperblockError::NotZero)?;
    Ok(salt)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn example(salt: Vec<u8>, blocks: u64) -> Superblock {
        let params = Params { salt: Salt::new(salt).expect("short"), uuid: Uuid::from_u128(7) };
        Superblock { params, data_blocks: BlockCount::new(blocks).expect("in range") }
    }

    fn refused(start: usize, value: &[u8]) -> SuperblockError {
        let mut bytes = example(vec![1; 32], 1000).to_bytes();
        bytes[start..start + value.len()].copy_from_slice(value);
        Superblock::parse(&bytes).expect_err("must be refused")
    }

    #[test]
    fn every_hostile_field_is_named() {
        assert_eq!(refused(0, b"Verity"), SuperblockError::Signature);
        assert_eq!(refused(8, &[2]), SuperblockError::Version(2));
        assert_eq!(refused(12, &[0]), SuperblockError::HashType(0));
        assert_eq!(refused(32, b"sha512"), SuperblockError::Algorithm);
        assert_eq!(refused(38, b"x"), SuperblockError::Algorithm);
        let sizes = SuperblockError::BlockSize { data: 512, hash: 4096 };
        assert_eq!(refused(64, &512_u32.to_le_bytes()), sizes);
        let sizes = SuperblockError::BlockSize { data: 4096, hash: 0 };
        assert_eq!(refused(68, &[0; 4]), sizes);
        assert_eq!(refused(72, &[0; 8]), LengthError::Empty.into());
        assert_eq!(refused(72, &[0xff; 8]), LengthError::Huge(u64::MAX).into());
        assert_eq!(refused(80, &257_u16.to_le_bytes()), SuperblockError::SaltLength(257));
        assert_eq!(refused(80, &[0xff; 2]), SuperblockError::SaltLength(u16::MAX));
        for unused in [82, 87, 120, 343, 344, 511] {
            assert_eq!(refused(unused, &[1]), SuperblockError::NotZero, "byte {unused}");
        }
    }

    proptest! {
        #[test]
        fn bytes_are_read_back(salt in prop::collection::vec(any::<u8>(), 0..=256), blocks in 1..=1_u64 << 51) {
            let superblock = example(salt, blocks);
            prop_assert_eq!(Superblock::parse(&superblock.to_bytes()), Ok(superblock));
        }

        #[test]
        fn any_bytes_are_read_without_panic(mut bytes in prop::collection::vec(any::<u8>(), 512..=512), real in any::<bool>()) {
            if real {
                let good = example(vec![1; 32], 1000).to_bytes();
                bytes[..80].copy_from_slice(&good[..80]);
            }
            let bytes: [u8; 512] = bytes.try_into().expect("512 bytes");
            if let Ok(superblock) = Superblock::parse(&bytes) {
                prop_assert_eq!(superblock.to_bytes(), bytes);
            }
        }
    }
}
