//! The disk as the firmware gives it.

use alloc::vec;

use gptdisk::{BlockIo, BlockSize};
use uefi::Handle;
use uefi::boot::{self, OpenProtocolAttributes, OpenProtocolParams, ScopedProtocol};
use uefi::proto::media::block::BlockIO;

use super::fault::Fault;

/// The most that is read in one go, in bytes: firmware reads files in such pieces, so its drivers can.
const PIECE: usize = 16 << 20;

/// A whole disk, not one of its partitions.
pub(crate) struct Disk {
    blocks: ScopedProtocol<BlockIO>,
    size: BlockSize,
}

impl Disk {
    #[allow(unsafe_code)]
    pub(crate) fn open(handle: Handle) -> Result<Self, Fault> {
        let agent = boot::image_handle();
        let params = OpenProtocolParams { handle, agent, controller: None };
        // Not exclusively: that would take the disk away from the driver of its partitions, and so the one that the selector was
        // started from.
        // SAFETY: the disk that a program is started from is not taken away while it runs, and the reference is dropped with the
        // program, which leaves boot services on.
        let blocks: ScopedProtocol<BlockIO> =
            unsafe { boot::open_protocol(params, OpenProtocolAttributes::GetProtocol)? };
        let bytes = blocks.media().block_size();
        let size = BlockSize::new(bytes).ok_or(Fault::BlockSize(bytes))?;
        Ok(Self { blocks, size })
    }

    /// Where the disk wants buffers to begin: at a multiple of this.
    fn alignment(&self) -> usize {
        let wanted = self.blocks.media().io_align().max(1);
        usize::try_from(wanted).map_or(1, usize::next_power_of_two)
    }

    fn read_aligned(&mut self, first: u64, buffer: &mut [u8]) -> Result<(), Fault> {
        let media = self.blocks.media().media_id();
        let mut block = first;
        for piece in buffer.chunks_mut(PIECE) {
            self.blocks.read_blocks(media, block, piece)?;
            block += blocks_in(piece, self.size);
        }
        Ok(())
    }
}

impl BlockIo for Disk {
    type Error = Fault;

    fn block_size(&self) -> BlockSize {
        self.size
    }

    fn block_count(&self) -> u64 {
        self.blocks.media().last_block().saturating_add(1)
    }

    fn read_blocks(&mut self, first: u64, buffer: &mut [u8]) -> Result<(), Fault> {
        let alignment = self.alignment();
        if buffer.as_ptr().align_offset(alignment) == 0 {
            return self.read_aligned(first, buffer);
        }
        let mut room = vec![0; buffer.len() + alignment];
        let start = room.as_ptr().align_offset(alignment);
        let aligned = &mut room[start..start + buffer.len()];
        self.read_aligned(first, aligned)?;
        buffer.copy_from_slice(aligned);
        Ok(())
    }

    fn write_blocks(&mut self, first: u64, data: &[u8]) -> Result<(), Fault> {
        let (media, alignment) = (self.blocks.media().media_id(), self.alignment());
        let mut room = vec![0; data.len() + alignment];
        let start = room.as_ptr().align_offset(alignment);
        let aligned = &mut room[start..start + data.len()];
        aligned.copy_from_slice(data);
        Ok(self.blocks.write_blocks(media, first, aligned)?)
    }

    fn flush(&mut self) -> Result<(), Fault> {
        Ok(self.blocks.flush_blocks()?)
    }
}

fn blocks_in(bytes: &[u8], size: BlockSize) -> u64 {
    u64::try_from(bytes.len() / size.buffer_len()).expect("a length in memory fits")
}
