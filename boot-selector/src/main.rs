//! The UEFI program around the library. Built for anything else it says what it is, so that the whole workspace can be
//! checked on any machine.

#![cfg_attr(target_os = "uefi", no_std, no_main)]

#[cfg(target_os = "uefi")]
extern crate alloc;

#[cfg(target_os = "uefi")]
mod machine;

#[cfg(target_os = "uefi")]
mod program {
    use boot_selector::run;
    use uefi::{Status, entry};

    use crate::machine::{Machine, console};

    /// Comes back only when nothing could be started; the firmware then goes on with its next boot option.
    #[entry]
    fn main() -> Status {
        let stop = match Machine::find() {
            Ok(mut machine) => alloc::format!("{}", run(&mut machine)),
            Err(fault) => alloc::format!("{fault}"),
        };
        console::line(format_args!("nothing can be started: {stop}; back to the firmware"));
        Status::LOAD_ERROR
    }
}

/// Says what this is.
#[cfg(not(target_os = "uefi"))]
fn main() -> std::process::ExitCode {
    use std::io::Write;

    let text = b"boot-selector is a UEFI program: build it with --target x86_64-unknown-uefi\n";
    let _ = std::io::stderr().write_all(text);
    std::process::ExitCode::from(2)
}
