//! UUIDs that follow from names, so that a second build gives the same bytes.

use ring::digest::{SHA256, digest};
use uuid::{Builder, Uuid};

/// The UUID (version 8) of a thing: from SHA-256 of `waystone`, its purpose and its names, joined by colons.
pub(crate) fn derived_uuid(purpose: &str, names: &[&str]) -> Uuid {
    let text = format!("waystone {purpose}:{}", names.join(":"));
    let hash = digest(&SHA256, text.as_bytes());
    let bytes = hash.as_ref().first_chunk().expect("a digest is longer than a UUID");
    Builder::from_custom_bytes(*bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_names_give_the_same_uuid_and_others_do_not() {
        let one = derived_uuid("disk", &["line", "ROOT", "A"]);
        assert_eq!(one, derived_uuid("disk", &["line", "ROOT", "A"]));
        assert_ne!(one, derived_uuid("disk", &["line", "ROOT", "B"]));
        assert_ne!(one, derived_uuid("filesystem", &["line", "ROOT", "A"]));
        assert_eq!(one.get_version_num(), 8);
    }
}
