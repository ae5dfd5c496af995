//! Authors a TUF repository: keys, releases, waves, expiry; checks it and serves it.
//!
//! What readers rely on, and how it is held:
//!
//! - **A reader never sees a half-published state.** Files are written in one order, in `publish`:
//!   targets, then `N.targets.json`, `N.snapshot.json`, `N.root.json`, and `timestamp.json` last; each into a
//!   temporary file, flushed, renamed, the folder flushed. Until the timestamp is renamed, readers see
//!   the old state; nothing that it names is changed or removed. A run that was cut is simply run again.
//! - **Nothing is published that a client would refuse.** What is about to be written goes
//!   through `trust`, the updater's own verification, first.
//! - **Nothing is built on metadata that does not verify.** The state on disk goes through `trust`, too;
//!   only its expiry is not looked at, since refreshing an expired repository is what an author is for.
//!
//! Metadata types, keys and signatures are tough's; its editor is not used (it cannot sign the timestamp
//! alone, writes in place, and in another order).
//!
//! | module | one noun |
//! |---|---|
//! | `layout`, `files` | where files lie; how one is written durably |
//! | `keys`, `generate`, `sign` | key folders, new keys, signatures |
//! | `parts`, `unpacked` | what a build brings; a release's images as they lie on a disk |
//! | `packs`, `frames`, `obstacle` | what hosts of older releases lack of it, as packs and in ranges; why not |
//! | `tee`, `spooled` | measuring on the way; a target whose name comes last |
//! | `published`, `edition`, `publish` | the state on disk, the next state, the way from one to the other |
//! | `init`, `release`, `refresh`, `check`, `explain`, `mirror`, `serve` | the commands |
//! | `arguments`, `command` | the command line and what runs for it |

mod arguments;
mod check;
mod command;
mod edition;
mod error;
mod expiry;
mod explain;
mod files;
mod frames;
mod generate;
mod init;
mod keys;
mod layout;
mod mirror;
mod obstacle;
mod packs;
mod parts;
mod publish;
mod published;
mod refresh;
mod release;
mod serve;
mod sign;
mod spooled;
mod tee;
mod time;
mod unpacked;
mod verify;

pub use self::frames::{Form, Framing};
pub use arguments::Arguments;
pub use check::{Checked, Checkup, Finding, Severity, check};
pub use command::run;
pub use error::{Error, Result};
pub use expiry::ExpiryPolicy;
pub use explain::{Explanation, explain};
pub use files::{Observer, Step, Unobserved};
pub use generate::KeyType;
pub use init::{Init, Initialised, init};
pub use layout::Layout;
pub use mirror::{Choice, Existing, Mirrored, Selection, select};
pub use packs::{AddedPack, Packing, WithoutPack};
pub use publish::Author;
pub use refresh::{Depth, Refreshed, refresh};
pub use release::{
    Add, Added, Changed, Listed, ListedFrames, ListedPack, ListedRelease, Outcome, Selector,
    WaveChange, Withdrawn, add, change_waves, list, withdraw,
};
pub use serve::Server;
