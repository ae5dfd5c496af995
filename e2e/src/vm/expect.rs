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

/// Whether a step ended with one of these codes.
pub(super) fn has_ended(said: &Said, step: &str, codes: &[u8]) -> bool {
    codes.iter().any(|code| ended(said, step, *code).is_ok())
}

/// A step that was taken several times ended with these codes, one after the other.
pub(super) fn ended_in_turn(said: &Said, step: &str, codes: &[u8]) -> Result<(), Failure> {
    let begin = format!("guest: step {step} ended with ");
    let found: Vec<&str> =
        said.0.iter().filter_map(|(_, line)| line.split_once(&begin).map(|(_, end)| end)).collect();
    let expected: Vec<String> = codes.iter().map(u8::to_string).collect();
    ensure(found == expected, || format!("{step} ended with {found:?}, not {expected:?}:\n{said}"))
}

/// The bits are these.
pub(super) fn are(found: Sets, a: BootBits, b: BootBits) -> Result<(), Failure> {
    let expected = Sets { a, b: Some(b) };
    ensure(found == expected, || format!("the bits are {found:?} instead of {expected:?}"))
}
