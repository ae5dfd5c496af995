//! What device-mapper is asked, as bytes.
//!
//! ```text
//! struct dm_ioctl                              struct dm_target_spec, at 312
//!   0  version, 3 × u32     28  flags, u32       0  first sector, u64
//!  12  data_size, u32       32  event, u32       8  sectors, u64
//!  16  data_start, u32      40  device, u64     16  status, i32
//!  20  target_count, u32    48  name, 128       20  next, u32
//!  24  open_count, i32     176  uuid, 129       24  type, 16
//!                          305  7 bytes         40  parameters, ends with a NUL
//! ```
//!
//! Numbers are the machine's own. `data_size` is the length of the whole buffer: the kernel writes nothing behind it.

use crate::kernel_table::KernelTable;

/// Bytes of `struct dm_ioctl`.
pub(super) const HEADER: usize = 312;

/// Bytes of a request, with room for one target.
const SIZE: usize = 4096;

/// The version of the interface; kernels know all minor versions up to their own.
const VERSION: [u32; 3] = [4, 0, 0];

/// `DM_READONLY_FLAG`.
const READ_ONLY: u32 = 1;

/// The longest name, without the NUL.
const NAME_MAX: usize = 127;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// `DM_DEV_CREATE`.
    Create,
    /// `DM_TABLE_LOAD`.
    Load,
    /// `DM_DEV_SUSPEND` without the flag to suspend: makes the table that was loaded the one that counts.
    Resume,
}

/// A request, and after it was made, the answer.
///
/// Plain bytes, so that every content that the kernel writes is a valid one.
#[repr(C)]
#[derive(Clone, Debug)]
pub(super) struct Request([u8; SIZE]);

impl Request {
    /// A request about a device.
    pub(super) fn new(name: &str) -> Self {
        let mut request = Self([0; SIZE]);
        VERSION.into_iter().zip([0, 4, 8]).for_each(|(part, at)| request.put(at, &u32(part)));
        request.put(12, &u32(size(SIZE)));
        request.put(16, &u32(size(HEADER)));
        let name = name.as_bytes();
        request.put(48, &name[..name.len().min(NAME_MAX)]);
        request
    }

    /// A request with a read-only table of one target; `None` if there is no room for it.
    pub(super) fn with_table(name: &str, table: &KernelTable) -> Option<Self> {
        let parameters = table.parameters.as_bytes();
        let end = HEADER + 40 + parameters.len();
        // The byte behind the parameters stays a NUL.
        if end >= SIZE || parameters.contains(&0) {
            return None;
        }
        let mut request = Self::new(name);
        request.put(20, &u32(1));
        request.put(28, &u32(READ_ONLY));
        request.put(HEADER + 8, &table.sectors.to_ne_bytes());
        request.put(HEADER + 20, &u32(size(end + 1).next_multiple_of(8) - size(HEADER)));
        request.put(HEADER + 24, KernelTable::TYPE.as_bytes());
        request.put(HEADER + 40, parameters);
        Some(request)
    }

    /// The minor number of the device in an answer: the kernel's `huge_encode_dev`, of which minor numbers have the lowest
    /// eight bits and those from the 21st.
    pub(super) fn minor(&self) -> Option<u32> {
        let device = u64::from_ne_bytes(self.0[40..48].try_into().ok()?);
        u32::try_from((device & 0xff) | ((device >> 12) & 0xffff_ff00)).ok()
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

fn u32(number: u32) -> [u8; 4] {
    number.to_ne_bytes()
}

fn size(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("a request has 4096 bytes")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn table(length: usize) -> KernelTable {
        KernelTable { sectors: 0x0102_0304_0506, parameters: "p".repeat(length) }
    }

    fn number(request: &Request, at: usize) -> u32 {
        u32::from_ne_bytes(request.0[at..at + 4].try_into().unwrap())
    }

    #[test]
    fn a_request_says_how_long_it_is_and_which_device_it_is_about() {
        let request = Request::new("root");
        assert_eq!([0, 4, 8].map(|at| number(&request, at)), VERSION);
        assert_eq!((number(&request, 12), number(&request, 16)), (4096, 312));
        assert_eq!(&request.0[48..53], b"root\0");
        assert!(request.0[53..].iter().all(|byte| *byte == 0));
        assert_eq!(request.minor(), Some(0));
    }

    #[test]
    fn names_that_are_too_long_do_not_reach_the_next_field() {
        let request = Request::new(&"n".repeat(500));
        assert_eq!(&request.0[174..178], b"n\0\0\0");
    }

    #[test]
    fn a_table_is_one_read_only_target() {
        let request = Request::with_table("root", &table(3)).unwrap();
        assert_eq!((number(&request, 20), number(&request, 28)), (1, 1));
        assert_eq!(request.0[320..328], 0x0102_0304_0506_u64.to_ne_bytes());
        assert_eq!(number(&request, 332), 48, "40 bytes, 3 of parameters, a NUL, up to 8");
        assert_eq!(&request.0[336..344], b"verity\0\0");
        assert_eq!(&request.0[352..356], b"ppp\0");
    }

    #[test]
    fn a_table_that_does_not_fit_is_refused() {
        let most = SIZE - HEADER - 41;
        assert!(Request::with_table("root", &table(most)).is_some());
        assert!(Request::with_table("root", &table(most + 1)).is_none());
        let nul = KernelTable { sectors: 1, parameters: "a\0b".into() };
        assert!(Request::with_table("root", &nul).is_none());
    }

    #[test]
    fn minor_numbers_are_put_together() {
        for (device, minor) in [(0xfd00_u64, 0), (0xfd07, 7), (0x12f_d034, 0x1234)] {
            let mut request = Request::new("");
            request.put(40, &device.to_ne_bytes());
            assert_eq!(request.minor(), Some(minor));
        }
    }
}
