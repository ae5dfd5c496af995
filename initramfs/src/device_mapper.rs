//! A device-mapper device, made by the kernel's own interface (Linux' `include/uapi/linux/dm-ioctl.h`).
//!
//! Three requests make one: a device without a table, its table, and its start. What a request and its answer look like is
//! in `request.rs`; the call itself, the one place of this program that is not checked by the compiler, in `call.rs`.

mod call;
mod request;

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::kernel_table::KernelTable;

use call::call;
use request::{Command, Request};

/// Where device-mapper takes requests.
const CONTROL: &str = "/dev/mapper/control";

/// Why there is no device.
#[derive(Debug, Error)]
pub enum DeviceMapperError {
    /// The kernel has no device-mapper.
    #[error("cannot open {CONTROL}")]
    Control(#[source] io::Error),
    /// A table is longer than there is room for.
    #[error("the table is too long: {0}")]
    TooLong(String),
    /// The kernel refused a request.
    #[error("the kernel refuses to {what}")]
    Refused {
        /// What was asked for.
        what: String,
        /// What it said.
        source: io::Error,
    },
    /// The kernel answered something that cannot be.
    #[error("the kernel's answer names no device")]
    Answer,
}

/// Makes a read-only device by a table and gives its node.
///
/// # Errors
///
/// Fails when the kernel refuses one of the requests; a device that is left over has no use, and the machine restarts.
pub fn create(name: &str, table: &KernelTable) -> Result<PathBuf, DeviceMapperError> {
    let control = OpenOptions::new().read(true).write(true).open(CONTROL);
    let control = control.map_err(DeviceMapperError::Control)?;
    let ask = |request: &mut Request, command, what: &str| {
        call(&control, command, request)
            .map_err(|source| DeviceMapperError::Refused { what: what.to_owned(), source })
    };
    let mut device = Request::new(name);
    ask(&mut device, Command::Create, "make a device")?;
    let minor = device.minor().ok_or(DeviceMapperError::Answer)?;
    let loading = Request::with_table(name, table);
    let mut loading = loading.ok_or_else(|| DeviceMapperError::TooLong(table.to_string()))?;
    ask(&mut loading, Command::Load, &format!("take the table '{table}'"))?;
    ask(&mut Request::new(name), Command::Resume, "start the device")?;
    Ok(Path::new("/dev").join(format!("dm-{minor}")))
}

/// What `call` takes its requests to.
type Control = File;
