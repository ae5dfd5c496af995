//! Lines on the console.

use core::fmt::{Arguments, Write};

use uefi::proto::console::text::Output;
use uefi::table::system_table_raw;

/// Shows a line, if there is a console; what it does not take is lost.
pub(crate) fn line(text: Arguments<'_>) {
    if let Some(output) = output() {
        let _ = writeln!(output, "waystone: {text}");
    }
}

/// The firmware's console; none on a machine without one.
#[allow(unsafe_code)]
fn output() -> Option<&'static mut Output> {
    let table = system_table_raw()?;
    // SAFETY: boot services are never left here, so the firmware's table is alive and so is the console in it, if it is
    // not null. Nothing else here uses the console, and `line` does not keep it, so there is one reference at a time.
    unsafe { table.as_ref().stdout.cast::<Output>().as_mut() }
}
