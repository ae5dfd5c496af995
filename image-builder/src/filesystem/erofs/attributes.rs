//! Extended attributes of an inode, as they follow it.

use std::collections::BTreeMap;

use super::ErofsError;

/// Names begin with one of these, which stands as a number; POSIX ACLs have no rest.
const KINDS: [(&[u8], u8); 5] = [
    (b"user.", 1),
    (b"system.posix_acl_access", 2),
    (b"system.posix_acl_default", 3),
    (b"trusted.", 4),
    (b"security.", 6),
];

/// Encodes attributes in the order of their names; nothing for none.
pub(super) fn encode(attributes: &BTreeMap<Vec<u8>, Vec<u8>>) -> Result<Vec<u8>, ErofsError> {
    if attributes.is_empty() {
        return Ok(Vec::new());
    }
    let mut bytes = vec![0; 12]; // none are shared with other inodes
    for (name, value) in attributes {
        let (kind, rest) = kind(name)?;
        bytes.push(u8::try_from(rest.len()).map_err(|_| ErofsError::AttributeLength)?);
        bytes.push(kind);
        let length = u16::try_from(value.len()).map_err(|_| ErofsError::AttributeLength)?;
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(rest);
        bytes.extend_from_slice(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    Ok(bytes)
}

/// How an inode says how long its attributes are.
pub(super) fn units(encoded: &[u8]) -> Result<u16, ErofsError> {
    let units = encoded.len().checked_sub(12).map_or(0, |rest| rest / 4 + 1);
    u16::try_from(units).map_err(|_| ErofsError::AttributeLength)
}

fn kind(name: &[u8]) -> Result<(u8, &[u8]), ErofsError> {
    let found = KINDS.iter().find_map(|(prefix, kind)| Some((*kind, name.strip_prefix(*prefix)?)));
    match found {
        Some((2 | 3, [_, ..])) | None => Err(ErofsError::AttributeKind),
        Some(found) => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(name: &[u8], value: &[u8]) -> Result<Vec<u8>, ErofsError> {
        encode(&BTreeMap::from([(name.to_vec(), value.to_vec())]))
    }

    #[test]
    fn an_attribute_is_padded_to_four_bytes() {
        let bytes = encoded(b"user.ab", b"xyz").expect("short");
        assert_eq!(bytes[12..], *b"\x02\x01\x03\x00abxyz\0\0\0");
        assert_eq!(units(&bytes), Ok(4));
        assert_eq!(units(&[]), Ok(0));
    }

    #[test]
    fn other_kinds_and_lengths_are_refused() {
        for name in [&b"system.nfs4_acl"[..], b"user", b"system.posix_acl_access2", b""] {
            assert_eq!(encoded(name, b""), Err(ErofsError::AttributeKind));
        }
        let long = [&b"user."[..], &[b'x'; 256]].concat();
        assert_eq!(encoded(&long, b""), Err(ErofsError::AttributeLength));
        assert_eq!(encoded(b"user.x", &[0; 65_536]), Err(ErofsError::AttributeLength));
    }
}
