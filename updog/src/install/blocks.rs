//! A release put together block by block: of what the disk holds already, and of what is fetched for the rest.
//!
//! ```text
//! head of a pack, or index of frames ─┐
//! running set: its tree               ├─▶ recipe ─▶ blocks in order ─▶ writer ─▶ read back ─▶ leaves ─▶ tree ─▶ root hash compared
//! set to write: its tree, or read ────┘      ▲
//!                             pieces or frames as they arrive
//! ```
//!
//! Two ways lead to a recipe: a delta pack for the running release (`pack_way`), or the release's frames for whatever is lacking (`frames_way`).
//! A way that does not lead to the end leaves a set that the next one goes on from: whatever it wrote right is found there. That is how an interrupted run
//! is gone on with, too. There is no journal.
//!
//! The running set is never written. A block is compared with what it must be before it is written, where that is known: old blocks with their leaves,
//! pieces with the digests of the head, frames with the index. In the end the new set is read back, past the cache; its tree is made of what was read
//! and has to have the root hash that the release says, the boot image its digest. That decides, so that nothing before it can put another set
//! on the disk than the signed one.
//!
//! Memory, with no regard to how large the releases are: for a pack a window of 24 MiB, the blocks of a piece 8 MiB, and its compressed bytes; for frames 16 MiB of
//! blocks whose places are written before their last use; the writer's buffers 6 MiB, 4 MiB for downloads. With their size: for each block of a root image 32 bytes of its digest,
//! 8 of what it must be and 8 of what the running set has; with frames, while the recipe is made, 12 more for each of the three images.

mod bad;
mod build;
mod by_frames;
mod by_pack;
mod error;
mod frame_supply;
mod frames_way;
mod head;
mod make;
mod new_set;
mod pack_way;
mod pieces;
mod positioned;
mod present;
mod read_back;
mod recipe;
mod running;
mod sources;
mod supply;
mod survey;
mod tree;

use bad::Bad;
pub use error::DeltaError;
pub use recipe::Tally;
pub use running::Running;
pub use sources::Assembly;
pub use survey::{Forecast, Found, Source};

#[cfg(test)]
mod tests;
