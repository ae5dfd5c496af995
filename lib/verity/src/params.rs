//! What a tree depends on besides the data.

use ring::digest::{SHA256, digest};
use uuid::{Builder, Uuid};

use crate::Salt;

/// Salt and UUID of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params {
    /// Goes before every block that is hashed.
    pub salt: Salt,
    /// Names the tree; part of no digest.
    pub uuid: Uuid,
}

impl Params {
    /// The parameters that all releases of a product line share, so that equal blocks have equal digests
    /// in all of them and their trees can be compared.
    ///
    /// The salt is SHA-256 of `waystone dm-verity salt:` and the name; the UUID (version 8) comes from SHA-256
    /// of `waystone dm-verity uuid:` and the name.
    pub fn for_product_line(name: &str) -> Self {
        let salt = Salt::from_digest(derive("salt", name));
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] = derive("uuid", name);
        let uuid = [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p];
        Self { salt, uuid: Builder::from_custom_bytes(uuid).into_uuid() }
    }
}

fn derive(what: &str, name: &str) -> [u8; 32] {
    let text = format!("waystone dm-verity {what}:{name}");
    digest(&SHA256, text.as_bytes()).as_ref().try_into().expect("SHA-256 gives 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn product_lines_keep_their_parameters_for_ever() {
        // sha256sum of the texts in the documentation of `for_product_line`
        let params = Params::for_product_line("example");
        assert_eq!(params.salt.to_string(), SALT);
        assert_eq!(params.uuid.to_string(), UUID);
    }

    #[test]
    fn product_lines_differ() {
        assert_ne!(Params::for_product_line("a"), Params::for_product_line("b"));
    }

    const SALT: &str = "8b77abad26f9dd06e1193f089b34a659b55129b4e700d4f91c40126bfe704f6b";
    const UUID: &str = "263c40e2-b837-8a0d-b0f9-cfe3856d4135";
}
