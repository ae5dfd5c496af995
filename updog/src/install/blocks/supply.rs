//! Where fetched blocks come from, one kind of target or another.

use pack::Image;

use super::DeltaError;

/// Hands out the blocks of a recipe that are fetched, in the order of the recipe.
pub(super) trait Supply {
    /// Fills the front of `room` with the blocks from `first` of an image on, as many as are at hand. Gives the number of bytes, whole blocks.
    ///
    /// # Errors
    ///
    /// Fails when they do not come, or are not what they must be: nothing wrong is handed out.
    fn take(&mut self, image: Image, first: u32, room: &mut [u8]) -> Result<usize, DeltaError>;
}
