//! What the boot selector tells the system that it starts.
//!
//! Two variables of the firmware that do not outlive a restart (UEFI specification 2.10, section 8.2): [`Variable::BootedSet`], the letter
//! of the set, and [`Variable::BootReason`], a [`Handover`] as text. The selector writes them; the initial RAM filesystem and
//! userland read them as files of efivarfs ([`content`]). Whoever writes and whoever reads has the names and the text from here.
//!
//! # Invariants
//!
//! * What is written is read as the same value.
//! * A variable that may outlive a restart, and so be left over or somebody else's, is not read at all.
//! * A reader skips keys that it does not know; a key that it needs and does not find, or finds twice, is an error.

#![no_std]

extern crate alloc;

mod parse;
mod reason;
mod variable;

pub use parse::HandoverError;
pub use reason::{Fault, Handover, NotStarted, Rule, TableNote};
pub use variable::{EFIVARS, Variable, VariableError, booted_set, content};
