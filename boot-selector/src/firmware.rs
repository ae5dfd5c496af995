//! What the selector needs from below.

use core::error::Error;

use gptdisk::{BlockIo, Entry};

use crate::Variable;

/// The machine before an operating system runs.
pub trait Firmware {
    /// What can go wrong below.
    type Fault: Error + 'static;
    /// The disk that the selector was started from.
    type Disk: BlockIo<Error = Self::Fault>;
    /// Memory for an image.
    type Memory: AsMut<[u8]>;
    /// An image that is ready to be started.
    type Image;

    /// The disk that the selector was started from.
    fn disk(&mut self) -> &mut Self::Disk;

    /// Shows a line to whoever looks at the console.
    fn say(&mut self, line: &str);

    /// Memory of `length` bytes, whatever they are.
    ///
    /// # Errors
    ///
    /// Fails if there is not that much.
    fn memory(&mut self, length: usize) -> Result<Self::Memory, Self::Fault>;

    /// Checks an image, signature included, and makes it ready. `part` is the partition that it came from, with its number.
    ///
    /// # Errors
    ///
    /// Fails if the image is not one for this machine, or is not allowed on it.
    fn load(&mut self, image: &[u8], part: (u32, &Entry)) -> Result<Self::Image, Self::Fault>;

    /// Starts an image. It comes back only when the image gave up; an error says that it said why.
    ///
    /// # Errors
    ///
    /// Fails with what the image or the firmware said.
    fn start(&mut self, image: Self::Image) -> Result<(), Self::Fault>;

    /// Leaves a text where userland of the started system finds it until the next power-on.
    ///
    /// # Errors
    ///
    /// Fails if there is no such place.
    fn leave(&mut self, variable: Variable, text: &str) -> Result<(), Self::Fault>;
}
