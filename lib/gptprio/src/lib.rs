//! Boot priority as values: which set of partitions boots, and every change of that.
//!
//! A disk holds one or two *sets* (A and B) of boot, root and hash partitions. Ten attribute bits of each boot
//! partition say whether its set may start and before which other:
//!
//! ```text
//!  bit 63    59  58  57  56  55      52 51      48 47          0
//!     ├───────┼───┼───┼───┼──────────┼──────────┼────────────┤
//!     │not our│ X │ E │ S │ tries    │ priority │  not ours  │
//!     └───────┴───┴───┴───┴──────────┴──────────┴────────────┘
//!      S  successful                      (boot partitions)
//!      X  spent                           (boot partitions; says something only with S and no tries)
//!      E  some boot has ever succeeded    (the private partition only)
//! ```
//!
//! The rule, in [`choose`] and nowhere else: *a set is bootable if its priority is above zero and it is successful
//! or has tries left; one that is not spent boots before one that is; then the highest priority wins; on a tie, the
//! first in the table. Starting a chosen set that has tries left spends one, and the last try of a successful set
//! makes it spent* ([`start`]). Marking a boot successful gives new tries, so a set that was good and breaks gives way
//! after as many starts. Without a spent set, as on every disk of Bottlerocket, the rule is Bottlerocket's.
//!
//! [`State`] has one method for each change that `signpost` offers, named alike. Each gives a new state or a
//! [`Refusal`] that says why.
//!
//! # Invariants
//!
//! * From a state in which a set would boot, no sequence of transitions leads to one in which none would.
//! * From a state in which a *proven* set (successful, priority above zero) exists, no sequence of transitions and
//!   starts leads to one without. Without the second, an unproven running set could erase the only good one and
//!   then run out of tries.
//! * A transition never changes the bits of a set in a way that its name does not say, and a transition that
//!   finds its result already there gives the same state again: a step that was cut can be repeated.
//!
//! Both follow for every sequence because they hold for every single step from every state, which the tests try.
//!
//! The crate allocates nothing and does no input or output; the selector that starts the machine and the program
//! that changes the bits share it, so they cannot disagree.

#![no_std]

mod bits;
mod choose;
mod refusal;
mod set;
mod state;

pub use bits::{BootBits, EVER_SUCCEEDED, Priority, Tries};
pub use choose::{Basis, Choice, Obstacle, Reason, Sets, choose, start};
pub use refusal::Refusal;
pub use set::{ParseSetIdError, SetId};
pub use state::State;
