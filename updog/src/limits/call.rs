//! `ioprio_set(2)` and `mallopt(3)`, which no library has as safe functions. The compiler's checks are lifted here.
#![allow(unsafe_code)]

use std::io;

use libc::{SYS_ioprio_set, c_long, syscall};

/// `IOPRIO_WHO_PROCESS`: a thread; 0 is the calling one.
const WHO_PROCESS: c_long = 1;

/// Bits of a priority below its class.
const CLASS_SHIFT: u32 = 13;

/// What the kernel's header calls a class, with the level in it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Class {
    /// `IOPRIO_CLASS_BE`, 7: the least of eight that share.
    LeastEffort,
    /// `IOPRIO_CLASS_IDLE`.
    Idle,
}

impl Class {
    fn value(self) -> c_long {
        match self {
            Self::LeastEffort => (2 << CLASS_SHIFT) | 7,
            Self::Idle => 3 << CLASS_SHIFT,
        }
    }
}

/// Gives the calling thread this priority for reads and writes.
pub(super) fn set(class: Class) -> io::Result<()> {
    let this_thread: c_long = 0;
    // SAFETY: `ioprio_set` takes three integers and no pointer; it touches no memory of this process, whatever their values are.
    let done = unsafe { syscall(SYS_ioprio_set, WHO_PROCESS, this_thread, class.value()) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Has memory for large buffers come from the kernel, and go back to it, each by itself. By default glibc raises this bound with each large buffer that is
/// given back, and keeps the next ones.
#[cfg(target_env = "gnu")]
pub(super) fn map_buffers_of(bytes: libc::c_int) -> bool {
    // SAFETY: `mallopt` takes two integers and no pointer, and may be called at any time: it sets a number under the allocator's own lock.
    unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, bytes) == 1 }
}

/// The priority of the calling thread.
#[cfg(test)]
pub(super) fn current() -> i64 {
    let this_thread: c_long = 0;
    // SAFETY: as above, with two integers.
    unsafe { syscall(libc::SYS_ioprio_get, WHO_PROCESS, this_thread) }
}
