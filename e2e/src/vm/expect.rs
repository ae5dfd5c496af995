//! What cases expect: of what was said, and of the bits.

use gptprio::{BootBits, Priority, SetId, Sets, Tries};

use super::case::{Failure, ensure};
use super::console::Said;

/// What a guest says last.
pub(super) const UP: &str = "guest: verdict: up";

/// Boot bits of a set that is not spent.
pub(super) fn bits(priority: u8, tries: u8, successful: bool) -> BootBits {
    BootBits {
        priority: Priority::new(priority).unwrap_or(Priority::MAX),
        tries: Tries::new(tries).unwrap_or(Tries::MAX),
        successful,
        spent: false,
    }
}

/// Somebody said it.
pub(super) fn says(said: &Said, text: &str) -> Result<(), Failure> {
    ensure(said.has(text), || format!("nobody said {text:?}:\n{said}"))
}

/// Nobody said it.
pub(super) fn never_says(said: &Said, text: &str) -> Result<(), Failure> {
    ensure(!said.has(text), || format!("somebody said {text:?}:\n{said}"))
}

/// The selector started a set, its guest knows that it is a release, and came to its end.
pub(super) fn is_up(said: &Said, set: SetId, version: &str) -> Result<(), Failure> {
    says(said, &format!("waystone: starting set {set}"))?;
    came_up(said, set, version)
}

/// The same, for a set that the selector came to after another that did not start.
pub(super) fn came_up(said: &Said, set: SetId, version: &str) -> Result<(), Failure> {
    says(said, &format!("guest: told that set {set} was started"))?;
    says(said, &format!("guest: version {version}"))?;
    says(said, UP)
}

/// A step ended with this code.
pub(super) fn ended(said: &Said, step: &str, code: u8) -> Result<(), Failure> {
    says(said, &format!("guest: step {step} ended with {code}"))
}

/// The bits are these.
pub(super) fn are(found: Sets, a: BootBits, b: BootBits) -> Result<(), Failure> {
    let expected = Sets { a, b: Some(b) };
    ensure(found == expected, || format!("the bits are {found:?} instead of {expected:?}"))
}
