//! The call that takes a request to the kernel.
//!
//! The one module of the workspace's programs for Linux in which the compiler's checks are lifted, for want of a safe
//! interface to device-mapper. The proof is beside each `unsafe`.
#![allow(unsafe_code)]

use std::io;

use rustix::ioctl::{Opcode, Updater, ioctl, opcode};

use super::Control;
use super::request::{Command, HEADER, Request};

/// Makes a request and puts the answer in its place.
pub(super) fn call(control: &Control, command: Command, request: &mut Request) -> io::Result<()> {
    match command {
        Command::Create => update::<{ code(3) }>(control, request),
        Command::Load => update::<{ code(9) }>(control, request),
        Command::Resume => update::<{ code(6) }>(control, request),
    }
}

/// The number of a request: `_IOWR(0xfd, number, struct dm_ioctl)`.
const fn code(number: u8) -> Opcode {
    opcode::read_write::<[u8; HEADER]>(0xfd, number)
}

fn update<const CODE: Opcode>(control: &Control, request: &mut Request) -> io::Result<()> {
    // SAFETY: `Updater` passes the kernel a pointer to `request`, which is exclusively ours for the call. All three requests
    // take a `struct dm_ioctl` there and read and write no more bytes than its `data_size` says, which `Request`
    // sets to its own size, and which is not changed in between since its fields are private to a module without `unsafe`. Every
    // content is a valid `Request`, since it is an array of bytes. Should `control` be no device-mapper, the same numbers could mean
    // something else: it is opened by the name that only device-mapper has, in a `/dev` that the kernel itself filled.
    let result = unsafe { ioctl(control, Updater::<CODE, Request>::new(request)) };
    Ok(result?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_kernels_header() {
        // gcc -include linux/dm-ioctl.h: DM_DEV_CREATE, DM_TABLE_LOAD, DM_DEV_SUSPEND on x86-64 and arm64
        assert_eq!([code(3), code(9), code(6)], [0xc138_fd03, 0xc138_fd09, 0xc138_fd06]);
    }
}
