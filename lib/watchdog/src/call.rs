//! The one request that writing cannot make. The compiler's checks are lifted here, for want of a safe interface.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;

use rustix::ioctl::{Opcode, Updater, ioctl, opcode};

/// `WDIOC_SETTIMEOUT`.
const SET_TIMEOUT: Opcode = opcode::read_write::<i32>(b'W', 6);

/// Asks for a time in seconds; the driver's answer is the time that it takes.
pub(crate) fn set_timeout(device: &File, seconds: i32) -> io::Result<i32> {
    let mut seconds = seconds;
    // SAFETY: `Updater` passes the kernel a pointer to `seconds`, which is exclusively ours for the call. The request reads and writes
    // an `int` there, which `i32` is on every Linux, and any value is a valid one. A device that is no watchdog does not know the
    // request's number, whose letter belongs to watchdogs.
    unsafe { ioctl(device, Updater::<SET_TIMEOUT, i32>::new(&mut seconds)) }?;
    Ok(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_that_of_the_kernels_header() {
        // gcc -include linux/watchdog.h: WDIOC_SETTIMEOUT on x86-64 and arm64
        assert_eq!(SET_TIMEOUT, 0xc004_5706);
    }
}
