//! When something is wrong that cannot be: said, then the machine starts anew, with one try less.

use core::panic::PanicInfo;
use core::time::Duration;

use uefi::runtime::{ResetType, reset};
use uefi::{Status, boot};

use super::console;

/// Long enough to be read.
const PAUSE: Duration = Duration::from_secs(10);

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    console::line(format_args!("bug: {info}; restarting in {} seconds", PAUSE.as_secs()));
    boot::stall(PAUSE);
    reset(ResetType::COLD, Status::ABORTED, None)
}
