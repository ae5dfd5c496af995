//! Memory in whole pages, which every disk can read into.

use core::ptr::NonNull;

use uefi::boot::{self, AllocateType, MemoryType, PAGE_SIZE};

use super::fault::Fault;

/// Bytes that begin at a page. They are not cleared: an image is tens of megabytes and overwrites them all.
pub(crate) struct Pages {
    start: NonNull<u8>,
    length: usize,
}

impl Pages {
    pub(crate) fn new(length: usize) -> Result<Self, Fault> {
        let count = length.div_ceil(PAGE_SIZE).max(1);
        let start = boot::allocate_pages(AllocateType::AnyPages, MemoryType::LOADER_DATA, count)?;
        Ok(Self { start, length })
    }
}

#[allow(unsafe_code)]
impl AsMut<[u8]> for Pages {
    fn as_mut(&mut self) -> &mut [u8] {
        // SAFETY: the firmware gave at least `length` bytes from `start` on, for nobody else, until they are freed in `drop`; the
        // borrow of `self` keeps that away. What they hold comes from outside the program, so any bytes are values.
        unsafe { core::slice::from_raw_parts_mut(self.start.as_ptr(), self.length) }
    }
}

#[allow(unsafe_code)]
impl Drop for Pages {
    fn drop(&mut self) {
        let count = self.length.div_ceil(PAGE_SIZE).max(1);
        // SAFETY: these are the pages of `new`, freed once, and every reference into them borrowed `self`.
        let _ = unsafe { boot::free_pages(self.start, count) };
    }
}
