//! Measures what a loader does between its first instruction and that of the image that it starts.
//!
//! Firmware starts this program, which starts `\EFI\STOPWATCH\LOADER.EFI` of the same partition; the loader starts an image
//! with this program in front, which sees that a time was left for it, tells how many ticks went by, and switches the machine off.

#![cfg_attr(target_os = "uefi", no_std, no_main)]

#[cfg(target_os = "uefi")]
extern crate alloc;

#[cfg(target_os = "uefi")]
mod program {
    use alloc::vec::Vec;
    use core::ffi::c_void;
    use core::ptr::addr_of;
    use core::sync::atomic::{AtomicU64, Ordering};

    use uefi::boot::{self, LoadImageSource};
    use uefi::proto::BootPolicy;
    use uefi::proto::device_path::DevicePath;
    use uefi::proto::device_path::build::{DevicePathBuilder, media};
    use uefi::proto::loaded_image::LoadedImage;
    use uefi::runtime::{ResetType, reset};
    use uefi::table::cfg::ConfigTableEntry;
    use uefi::{Guid, Handle, Result, Status, cstr16, entry, guid, println, system};

    /// Under this name the loaded image finds the time.
    static TABLE: Guid = guid!("5e0a3d0e-3f0c-4d61-9c55-0d9a4f9e2b17");

    /// When the loader was started.
    static STARTED: AtomicU64 = AtomicU64::new(0);

    #[entry]
    fn main() -> Status {
        let now = ticks();
        let result = match left_time() {
            Some(start) => {
                println!("stopwatch: {} ticks", now.wrapping_sub(start));
                Ok(())
            }
            None => start_loader(),
        };
        if let Err(error) = result {
            println!("stopwatch: {error}");
        }
        reset(ResetType::SHUTDOWN, Status::SUCCESS, None)
    }

    fn start_loader() -> Result {
        let loader = load()?;
        leave_place()?;
        STARTED.store(ticks(), Ordering::Relaxed);
        boot::start_image(loader)
    }

    /// Loads the loader as firmware would, so that it knows its partition.
    fn load() -> Result<Handle> {
        let agent = boot::image_handle();
        let device = boot::open_protocol_exclusive::<LoadedImage>(agent)?.device();
        let device = device.ok_or(Status::NOT_FOUND)?;
        let partition = boot::open_protocol_exclusive::<DevicePath>(device)?;
        let mut bytes = Vec::new();
        let start = DevicePathBuilder::with_vec(&mut bytes);
        let pushed = partition.node_iter().try_fold(start, |path, node| path.push(&node));
        let file = media::FilePath { path_name: cstr16!("\\EFI\\STOPWATCH\\LOADER.EFI") };
        let path = pushed.and_then(|path| path.push(&file)).and_then(DevicePathBuilder::finalize);
        let device_path = path.map_err(|_| Status::BAD_BUFFER_SIZE)?;
        let boot_policy = BootPolicy::ExactMatch;
        boot::load_image(agent, LoadImageSource::FromDevicePath { device_path, boot_policy })
    }

    /// Says where the time is going to be.
    #[allow(unsafe_code)]
    fn leave_place() -> Result {
        let place: *const c_void = addr_of!(STARTED).cast();
        // SAFETY: the time is static, in a program that stays in memory while the loader which it starts runs.
        unsafe { boot::install_configuration_table(&TABLE, place) }
    }

    /// The time that another instance of this program left.
    #[allow(unsafe_code)]
    fn left_time() -> Option<u64> {
        let find = |entries: &[ConfigTableEntry]| {
            entries.iter().find(|entry| entry.guid == TABLE).map(|entry| entry.address)
        };
        let place: *const AtomicU64 = system::with_config_table(find)?.cast();
        // SAFETY: only `leave_place` uses this name, for a time in a program that is still in memory: it started what started us.
        unsafe { place.as_ref() }.map(|time| time.load(Ordering::Relaxed))
    }

    /// The processor's clock.
    #[cfg(target_arch = "x86_64")]
    #[allow(unsafe_code)]
    fn ticks() -> u64 {
        // SAFETY: every processor of 64 bits has this clock, and firmware lets programs read it.
        unsafe { core::arch::x86_64::_rdtsc() }
    }

    /// Nothing is measured on other machines.
    #[cfg(not(target_arch = "x86_64"))]
    fn ticks() -> u64 {
        0
    }

    #[panic_handler]
    fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
        println!("stopwatch: {info}");
        reset(ResetType::SHUTDOWN, Status::ABORTED, None)
    }
}

/// Does nothing where there is no firmware.
#[cfg(not(target_os = "uefi"))]
fn main() {}
