//! The one place that verifies TUF: received bytes and the time in, verified values out.
//!
//! The crate has a pure core and a thin shell.
//!
//! - **Core.** [`RootPhase`] → [`TimestampPhase`] → [`SnapshotPhase`] → [`TargetsPhase`] →
//!   [`Repository`]: bytes and `now` in, the next phase or an [`Error`] out. Each phase is made only by
//!   the one before it, so that no role can be loaded out of order. All roles go through one
//!   verification path, which ends in [`Verified`].
//! - **Shell.** A [`MetadataSource`] brings bytes, a [`Store`] keeps them, [`refresh()`] and [`offline`]
//!   run the phases over the two. Nothing in this crate reads a clock.
//!
//! It follows the client workflow (section 5) of the TUF specification 1.0. Invariants:
//!
//! - Signatures are checked over the canonical form of the *received* bytes, and the received bytes are
//!   what is stored; nothing is ever serialised again.
//! - A key counts once for a threshold, under however many names it signs.
//! - Every length and count has a limit ([`Limits`]).
//! - A version never goes back, in a run or across runs, unless the keys that vouched for it were
//!   withdrawn by a newer root ([`Rotation`]).
//! - The newest trusted root is the one used; the shipped root only when there is none or it is newer.
//! - Damaged is not absent ([`Store`]).
//! - Time does not go back behind what signed metadata proves ([`Timestamp::signed`]), whatever the clock says; nothing
//!   is learnt from the clock, so that one that ran ahead does no lasting harm.
//!
//! The metadata types are our own rather than tough's: tough's verify only a re-serialisation, refuse
//! a root with a key type or role that they do not know, hold a parsed map for each target's unknown
//! fields, and bring a second TLS provider into the updater.
//!
//! [`Repository::target`] looks into the top-level targets role only, where our manifests and images are;
//! [`find`] goes through delegated roles, too, as far as the one target needs them ([`Search`]).

mod as_signed;
mod delegation;
mod der;
mod digest;
mod entries;
mod error;
mod escape;
mod expiry;
mod folder;
mod glob;
mod json;
mod key;
mod known;
mod limits;
mod offline;
mod phase;
mod refresh;
mod repository;
mod schema;
mod search;
mod source;
mod speakers;
mod store;
mod strings;
mod target;
mod verified;

pub use as_signed::as_signed;
pub use delegation::Delegations;
pub use digest::{Digests, Sha256};
pub use error::{Error, Kind, Result};
pub use escape::escape;
pub use expiry::Expiry;
pub use json::canonical_json;
pub use key::{KeyKind, PublicKey};
pub use known::Known;
pub use limits::Limits;
pub use offline::{find_offline, offline, offline_within};
pub use phase::{RootPhase, Rotation, SnapshotPhase, TargetsPhase, TimestampPhase};
pub use refresh::{find, refresh, refresh_within};
pub use repository::{Repository, Versions};
pub use schema::{
    Metafile, Role, RoleKeys, RoleName, Root, Snapshot, TargetEntry, Targets, Timestamp,
};
pub use search::{Search, Step};
pub use source::{DirectorySource, Fetched, MetadataSource, SourceError};
pub use store::{Damage, Store};
pub use target::{Checker, Target, TooLong, Whole};
pub use verified::{Draft, Verified};
