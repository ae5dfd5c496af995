//! Any bytes as the boot selector's variables: refused, or read, written and read again as the same.
#![no_main]

use handover::{Handover, booted_set, content};

fuzz::target!(|input| {
    if let Ok(set) = booted_set(input) {
        assert_eq!(content(input), Ok(set.to_string().as_bytes()));
    }
    if let Ok(handover) = Handover::from_file(input) {
        check(&handover);
    }
    if let Ok(text) = str::from_utf8(input)
        && let Ok(handover) = text.parse::<Handover>()
    {
        check(&handover);
    }
});

/// What a clause has that would make a line of its own is gone once it is written.
fn check(handover: &Handover) {
    let text = handover.to_string();
    let again: Handover = text.parse().expect("it was written");
    assert_eq!(again.to_string(), text);
    assert_eq!(
        (again.set, again.bits, again.failed.len()),
        (handover.set, handover.bits, handover.failed.len())
    );
}
