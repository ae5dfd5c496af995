//! Canonical JSON: what has a canonical form is JSON, members in another order give the same form, and none is longer than
//! what it was made from.
#![no_main]

use serde_json::Value;
use trust::canonical_json;

fuzz::target!(|json| {
    let Ok(canonical) = canonical_json(json) else { return };
    assert!(canonical.len() <= json.len());
    let value: Value = serde_json::from_slice(json).expect("it has a canonical form");
    // serde_json's own map is sorted, and its form is JSON again.
    let again = canonical_json(value.to_string().as_bytes()).expect("it is JSON");
    assert_eq!(canonical, again);
});
