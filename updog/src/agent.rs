//! How a host updates itself: where it is, what it does next, and what that waits for.
//!
//! ```text
//! disk, ledger, record, orders ─▶ Facts ─▶ State ─┐
//! configuration, checked, permission ─────────────┴▶ next ─▶ Step, or what is waited for
//! ```
//!
//! | module | one noun |
//! |---|---|
//! | [`state`] | [`state::State`], whose edges are its methods |
//! | [`facts`] | [`facts::Facts`], from which a state follows |
//! | [`mod@next`] | [`next::next`]: the step that can be done now, or what it waits for |
//! | [`record`], [`orders`], [`checked`] | three small files: the agent's, the operator's, the last look's |
//! | [`permission`] | "may I restart now?" |
//!
//! Nothing here does a step: `commands::agent` does, by the commands that a person would type.
//!
//! # Invariants
//!
//! * The state is derived, never stored: an agent that is killed at any moment goes on from what lies on the disk.
//! * A set that was not found good is never left for another: the one beside it is what the host falls back to.
//! * Without a yes to "may I restart now?" no set is flipped by itself, and the host is not restarted.

pub mod checked;
pub mod facts;
pub mod next;
pub mod orders;
pub mod permission;
pub mod record;
pub mod state;

#[cfg(test)]
pub(crate) mod sample;
