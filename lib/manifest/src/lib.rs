//! The release manifest: which releases there are, who gets which of them and when, and by which
//! migrations.
//!
//! Everything here is pure: bytes, a time and a seed in, a value or an error out. No clock, no files, no
//! network, no logging. The format is Bottlerocket's `manifest.json` (our `docs/formats.md`, section 3); what
//! we add to it (`waves_end`, `contents`, `packs`, `frames`) is optional, and what we do not know is kept when a manifest is
//! written again.
//!
//! | module | one noun |
//! |---|---|
//! | `model` | [`Manifest`], [`Update`], [`Images`], [`Contents`], [`Pack`], [`Frames`] |
//! | `read` | bytes to a checked [`Manifest`] and back, with limits |
//! | `seed`, `waves` | a host's [`Seed`] and the time at which it is [`Ready`] |
//! | `offset`, `policy` | `2 hours` as an [`Offset`], a [`WavePolicy`] file |
//! | `choose` | [`choose()`]: the one release for a [`Host`], with the reason for every other |
//! | `migration` | [`Migrations`] and the [`MigrationPath`] between two versions |
//! | `gaps` | where releases are not connected by migrations, as [`Gap`] |
//! | [`report`] | what `image-builder` wrote down of a build |
//!
//! ```
//! use manifest::{Manifest, Seed, WavePolicy};
//!
//! let policy = WavePolicy::parse(
//!     "[[waves]]\nstart_after = '1 hour'\nfleet_percentage = 10\n\
//!      [[waves]]\nstart_after = '1 day'\nfleet_percentage = 100\n",
//! )?;
//! let schedule = policy.waves("2026-11-23T00:00:00Z".parse()?)?;
//! assert_eq!(schedule.ready_at(Seed::new(0)?).to_string(), "2026-11-23T01:00:00Z");
//! assert_eq!(schedule.ready_at(Seed::new(204)?).to_string(), "2026-11-24T00:00:00Z");
//! assert!(Seed::new(2048).is_err());
//!
//! let twice = br#"{"updates": [], "updates": [], "migrations": {}}"#;
//! assert!(Manifest::parse(twice).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Left out on purpose: signatures and digests of the file (that is `trust`), and any look at the host
//! (that is `updog`).

mod choose;
mod digest;
mod error;
mod gaps;
mod json;
mod migration;
mod model;
mod offset;
mod policy;
mod read;
pub mod report;
mod seed;
mod waves;

pub use choose::{
    Considered, Decision, Host, Verdict, VersionLock, VersionLockError, choose, choose_but,
};
pub use digest::{Digest, DigestError};
pub use error::Error;
pub use gaps::Gap;
pub use json::{JsonError, MAX_BYTES, MAX_DEPTH, MAX_VALUES};
pub use migration::{Direction, MigrationPath, Migrations, NoPath};
pub use model::{Content, Contents, Extra, Frames, Images, Manifest, Pack, Update};
pub use offset::{Offset, OffsetError};
pub use policy::{PolicyError, PolicyWave, WavePolicy};
pub use read::{MAX_MIGRATION_NAMES, MAX_MIGRATIONS, MAX_NAME_BYTES, MAX_PACKS, MAX_UPDATES};
pub use seed::{Seed, SeedError};
pub use waves::{Ready, Schedule, Wave, WavePlace, Waves, WavesError};
