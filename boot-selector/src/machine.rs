//! The real machine: UEFI (specification 2.10) through the crate `uefi`.
//!
//! Sections: 7.4 (loading and starting images), 8.2 (variables), 10.3 (device paths), 13.9 (block I/O).

pub(crate) mod console;
mod disk;
mod fault;
mod pages;
mod panic;
mod path;

use alloc::vec::Vec;

use boot_selector::{Firmware, Variable};
use gptdisk::Entry;
use uefi::boot::{self, LoadImageSource};
use uefi::runtime::{self, VariableAttributes, VariableVendor};
use uefi::{CString16, Guid, Handle};

use disk::Disk;
use fault::Fault;
use pages::Pages;
use path::DiskPath;

/// How long an image may take until it has taken over from the firmware, in seconds; then the machine is reset.
const PATIENCE: usize = 5 * 60;

/// A watchdog code of ours; what is below 0x10000 belongs to the firmware.
const WATCHDOG_CODE: u64 = 0x1_0000;

/// The machine that the selector runs on.
pub(crate) struct Machine {
    disk: Disk,
    path: DiskPath,
}

impl Machine {
    /// Finds the disk that the selector was started from.
    pub(crate) fn find() -> Result<Self, Fault> {
        let path = DiskPath::of_this_program()?;
        Ok(Self { disk: Disk::open(path.handle()?)?, path })
    }
}

impl Firmware for Machine {
    type Fault = Fault;
    type Disk = Disk;
    type Memory = Pages;
    type Image = Handle;

    fn disk(&mut self) -> &mut Disk {
        &mut self.disk
    }

    fn say(&mut self, line: &str) {
        console::line(format_args!("{line}"));
    }

    fn memory(&mut self, length: usize) -> Result<Pages, Fault> {
        Pages::new(length)
    }

    fn load(&mut self, image: &[u8], (index, entry): (u32, &Entry)) -> Result<Handle, Fault> {
        let mut nodes = Vec::new();
        let file_path = Some(self.path.partition(index, entry, &mut nodes)?);
        let source = LoadImageSource::FromBuffer { buffer: image, file_path };
        boot::load_image(boot::image_handle(), source)
            .map_err(|error| Fault::from(error).of_image())
    }

    fn start(&mut self, image: Handle) -> Result<(), Fault> {
        // An image that hangs before its kernel takes over is a start that failed. Not every firmware has this watchdog.
        let _ = boot::set_watchdog_timer(PATIENCE, WATCHDOG_CODE, None);
        Ok(boot::start_image(image)?)
    }

    fn leave(&mut self, variable: Variable, text: &str) -> Result<(), Fault> {
        let name = CString16::try_from(variable.name()).expect("names of variables are ASCII");
        let vendor = VariableVendor(Guid::parse_or_panic(Variable::VENDOR));
        let volatile = VariableAttributes::BOOTSERVICE_ACCESS | VariableAttributes::RUNTIME_ACCESS;
        // One that was stored with other attributes could not be overwritten; mostly there is none.
        let _ = runtime::delete_variable(&name, &vendor);
        Ok(runtime::set_variable(&name, &vendor, volatile, text.as_bytes())?)
    }
}
