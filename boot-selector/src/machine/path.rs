//! Which disk this is: the way to it through the machine's devices.

use alloc::vec::Vec;

use gptdisk::Entry;
use uefi::boot::{self, OpenProtocolAttributes, OpenProtocolParams, ScopedProtocol};
use uefi::proto::device_path::build::{BuildError, DevicePathBuilder, media};
use uefi::proto::device_path::media::{PartitionFormat, PartitionSignature};
use uefi::proto::device_path::{DevicePath, DevicePathNode, DeviceSubType, DeviceType};
use uefi::proto::loaded_image::LoadedImage;
use uefi::proto::media::block::BlockIO;
use uefi::{Guid, Handle, Status};

use super::fault::Fault;

/// The path of a disk, without any of its partitions.
pub(crate) struct DiskPath {
    /// The path of the partition that the selector was started from.
    started_from: ScopedProtocol<DevicePath>,
}

impl DiskPath {
    #[allow(unsafe_code)]
    pub(crate) fn of_this_program() -> Result<Self, Fault> {
        let agent = boot::image_handle();
        let image = boot::open_protocol_exclusive::<LoadedImage>(agent)?;
        let handle = image.device().ok_or(Fault::NoDisk)?;
        let params = OpenProtocolParams { handle, agent, controller: None };
        // SAFETY: the partition that a program is started from is not taken away while it runs, and its path is not changed.
        let started_from: ScopedProtocol<DevicePath> =
            unsafe { boot::open_protocol(params, OpenProtocolAttributes::GetProtocol)? };
        let path = Self { started_from };
        if path.nodes().count() == path.started_from.node_iter().count() {
            return Err(Fault::NoDisk);
        }
        Ok(path)
    }

    /// The disk itself.
    pub(crate) fn handle(&self) -> Result<Handle, Fault> {
        let mut bytes = Vec::new();
        let mut path = self.copy(&mut bytes)?.finalize().map_err(fault)?;
        let handle = boot::locate_device_path::<BlockIO>(&mut path)?;
        let found = path.node_iter().next().is_none();
        if found { Ok(handle) } else { Err(Fault::NoDisk) }
    }

    /// The path of a partition of the disk.
    pub(crate) fn partition<'a>(
        &self,
        index: u32,
        entry: &Entry,
        bytes: &'a mut Vec<u8>,
    ) -> Result<&'a DevicePath, Fault> {
        let node = media::HardDrive {
            partition_number: index,
            partition_start: entry.first,
            partition_size: entry.last - entry.first + 1,
            partition_signature: PartitionSignature::Guid(Guid::from_bytes(entry.id.to_disk())),
            partition_format: PartitionFormat::GPT,
        };
        let path = self.copy(bytes)?.push(&node).and_then(DevicePathBuilder::finalize);
        path.map_err(fault)
    }

    /// The nodes before that of the partition.
    fn nodes(&self) -> impl Iterator<Item = &DevicePathNode> {
        let partition = (DeviceType::MEDIA, DeviceSubType::MEDIA_HARD_DRIVE);
        self.started_from.node_iter().take_while(move |node| node.full_type() != partition)
    }

    fn copy<'a>(&self, bytes: &'a mut Vec<u8>) -> Result<DevicePathBuilder<'a>, Fault> {
        let start = DevicePathBuilder::with_vec(bytes);
        self.nodes().try_fold(start, |path, node| path.push(&node)).map_err(fault)
    }
}

/// A path that is too long for its format; the firmware's own are not.
fn fault(_: BuildError) -> Fault {
    Fault::Firmware(Status::BAD_BUFFER_SIZE)
}
