//! Images that stand in for a kernel: our EFI program `announce`, with an order and a name written into it.

use super::case::Failure;

/// What begins the order in the program; it ends 64 bytes on.
const MARK: &[u8] = b"waystone-test-order: ";
const ORDER_BYTES: usize = 64;

/// Makes stand-ins.
#[derive(Clone, Copy, Debug)]
pub struct StandIn<'a>(pub(super) &'a [u8]);

impl StandIn<'_> {
    /// An image that announces itself by `name` and restarts the machine.
    ///
    /// # Errors
    ///
    /// Fails if the program is not the one that takes orders.
    pub fn restarts(self, name: &str) -> Result<Vec<u8>, Failure> {
        self.ordered(&format!("restart {name}"))
    }

    /// An image that announces itself and returns an error to the selector.
    ///
    /// # Errors
    ///
    /// Fails if the program is not the one that takes orders.
    pub fn gives_up(self, name: &str) -> Result<Vec<u8>, Failure> {
        self.ordered(&format!("give-up {name}"))
    }

    fn ordered(self, order: &str) -> Result<Vec<u8>, Failure> {
        let mut image = self.0.to_vec();
        let place = image.windows(MARK.len()).position(|bytes| bytes == MARK);
        let place = place.ok_or_else(|| Failure::new("the stand-in takes no orders"))?;
        let field = &mut image[place + MARK.len()..place + ORDER_BYTES];
        field.fill(b' ');
        field[..order.len()].copy_from_slice(order.as_bytes());
        with_checksum(image)
    }
}

/// The program with the checksum that its bytes give ("PE Format", optional header).
pub(super) fn with_checksum(mut image: Vec<u8>) -> Result<Vec<u8>, Failure> {
    let start = image.get(0x3C..0x40).and_then(|bytes| bytes.try_into().ok());
    let start = start.and_then(|bytes| usize::try_from(u32::from_le_bytes(bytes)).ok());
    let place = start.map(|start| start + 24 + 64).filter(|place| *place + 4 <= image.len());
    let place = place.ok_or_else(|| Failure::new("the stand-in is no EFI program"))?;
    image[place..place + 4].fill(0);
    let mut sum = 0_u32;
    for word in image.chunks(2) {
        sum += u32::from(u16::from_le_bytes([word[0], word.get(1).copied().unwrap_or(0)]));
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    let length =
        u32::try_from(image.len()).map_err(|_| Failure::new("the stand-in is too long"))?;
    image[place..place + 4].copy_from_slice(&(sum + length).to_le_bytes());
    Ok(image)
}
