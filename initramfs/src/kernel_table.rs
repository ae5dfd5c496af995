//! The line by which the kernel makes a verified device of two partitions.
//!
//! Linux' `Documentation/admin-guide/device-mapper/verity.rst`:
//!
//! ```text
//! <version> <data device> <hash device> <data block size> <hash block size> <blocks> <first tree block> sha256
//! <root hash> <salt> <number of options> <options>
//! ```

use std::fmt;

use thiserror::Error;
use verity::{BLOCK_SIZE, BootParameter};

use crate::system::DeviceNumber;

/// The kernel counts in sectors, whatever the blocks of a disk are.
pub(crate) const SECTOR: u64 = 512;

/// A block that does not verify ends the kernel at once, so that nothing runs on a root that is not what it should be; `panic=`
/// on the command line then restarts the machine. Zeros need not be read to be known.
const OPTIONS: [&str; 2] = ["panic_on_corruption", "ignore_zero_blocks"];

/// The first block of the tree in the hash partition; the superblock is before it.
const FIRST_TREE_BLOCK: u64 = 1;

/// A target of type `verity`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelTable {
    /// Length of the device in sectors of 512 bytes.
    pub sectors: u64,
    /// What the target is told.
    pub parameters: String,
}

/// More data blocks than a device can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a device cannot have {0} blocks")]
pub struct TooManyBlocks(u64);

impl KernelTable {
    /// The type of the target.
    pub const TYPE: &str = "verity";

    /// The table for the data and the tree on two partitions.
    ///
    /// # Errors
    ///
    /// Fails when there are more blocks than a device can have.
    pub fn new(
        parameter: &BootParameter,
        data: DeviceNumber,
        hash: DeviceNumber,
    ) -> Result<Self, TooManyBlocks> {
        let BootParameter { data_blocks, root_hash, salt } = parameter;
        let sectors = bytes(*data_blocks).ok_or(TooManyBlocks(*data_blocks))? / SECTOR;
        let (count, options) = (OPTIONS.len(), OPTIONS.join(" "));
        Ok(Self {
            sectors,
            parameters: format!(
                "1 {data} {hash} {BLOCK_SIZE} {BLOCK_SIZE} {data_blocks} {FIRST_TREE_BLOCK} sha256 \
                 {root_hash} {salt} {count} {options}"
            ),
        })
    }
}

/// The bytes of a number of data blocks, if a device can have as many.
pub(crate) fn bytes(data_blocks: u64) -> Option<u64> {
    let size = u64::try_from(BLOCK_SIZE).ok()?;
    data_blocks.checked_mul(size).filter(|bytes| i64::try_from(*bytes).is_ok())
}

impl fmt::Display for KernelTable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "0 {} {} {}", self.sectors, Self::TYPE, self.parameters)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const HASH: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    fn table(parameter: &str) -> Result<KernelTable, TooManyBlocks> {
        let number = |minor| DeviceNumber { major: 254, minor };
        KernelTable::new(&parameter.parse().unwrap(), number(4), number(5))
    }

    #[test]
    fn it_is_what_the_kernel_documents() {
        // After the example in the kernel's documentation, with the options added.
        let table = table(&format!("1,262144,{HASH},1234")).unwrap();
        assert_eq!(
            table.to_string(),
            format!(
                "0 2097152 verity 1 254:4 254:5 4096 4096 262144 1 sha256 {HASH} 1234 2 \
                 panic_on_corruption ignore_zero_blocks"
            )
        );
    }

    #[test]
    fn no_salt_is_a_dash() {
        let table = table(&format!("1,1,{HASH},-")).unwrap();
        assert!(table.parameters.contains(&format!("{HASH} - 2 ")), "{table}");
    }

    #[test]
    fn more_blocks_than_a_device_has_are_refused() {
        for blocks in [u64::MAX, 1 << 51] {
            assert_eq!(table(&format!("1,{blocks},{HASH},-")), Err(TooManyBlocks(blocks)));
        }
        assert!(table(&format!("1,{},{HASH},-", (1_u64 << 51) - 1)).is_ok());
    }
}
