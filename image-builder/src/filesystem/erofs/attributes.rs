//! Extended attributes of an inode, as they follow it, and those that inodes share.

use std::collections::{BTreeMap, BTreeSet};

use super::ErofsError;
use crate::rootfs::Inode;
use crate::selinux::ATTRIBUTE as LABEL;

/// Names begin with one of these, which stands as a number; POSIX ACLs have no rest.
const KINDS: [(&[u8], u8); 5] = [
    (b"user.", 1),
    (b"system.posix_acl_access", 2),
    (b"system.posix_acl_default", 3),
    (b"trusted.", 4),
    (b"security.", 6),
];

/// Labels of SELinux: thousands of files share a few of them, so each lies in the image once, and inodes name its place.
///
/// Other attributes lie with their inodes.
#[derive(Debug, Default)]
pub(super) struct SharedLabels {
    /// The number of each value, its place divided by four.
    numbers: BTreeMap<Vec<u8>, u32>,
    /// All of them, in the order of their bytes.
    pub(super) encoded: Vec<u8>,
}

impl SharedLabels {
    /// The labels of these inodes.
    pub(super) fn of<'a>(inodes: impl Iterator<Item = &'a Inode>) -> Result<Self, ErofsError> {
        let values: BTreeSet<&Vec<u8>> =
            inodes.filter_map(|inode| inode.metadata.xattrs.get(LABEL)).collect();
        let mut labels = Self::default();
        for value in values {
            let place = labels.encoded.len() / 4;
            let number = u32::try_from(place).map_err(|_| ErofsError::AttributeLength)?;
            labels.numbers.insert(value.clone(), number);
            put_entry(&mut labels.encoded, LABEL, value)?;
        }
        Ok(labels)
    }

    /// The number of an attribute; none for one that lies with its inode.
    fn number(&self, name: &[u8], value: &[u8]) -> Option<u32> {
        if name == LABEL { self.numbers.get(value).copied() } else { None }
    }
}

/// Encodes attributes in the order of their names; nothing for none.
pub(super) fn encode(
    attributes: &BTreeMap<Vec<u8>, Vec<u8>>,
    labels: &SharedLabels,
) -> Result<Vec<u8>, ErofsError> {
    if attributes.is_empty() {
        return Ok(Vec::new());
    }
    let number = |(name, value): (&Vec<u8>, &Vec<u8>)| labels.number(name, value);
    let shared: Vec<u32> = attributes.iter().filter_map(number).collect();
    let mut bytes = vec![0; 12];
    bytes[4] = u8::try_from(shared.len()).map_err(|_| ErofsError::AttributeLength)?;
    bytes.extend(shared.iter().flat_map(|number| number.to_le_bytes()));
    for (name, value) in attributes.iter().filter(|entry| number(*entry).is_none()) {
        put_entry(&mut bytes, name, value)?;
    }
    Ok(bytes)
}

fn put_entry(bytes: &mut Vec<u8>, name: &[u8], value: &[u8]) -> Result<(), ErofsError> {
    let (kind, rest) = kind(name)?;
    bytes.push(u8::try_from(rest.len()).map_err(|_| ErofsError::AttributeLength)?);
    bytes.push(kind);
    let length = u16::try_from(value.len()).map_err(|_| ErofsError::AttributeLength)?;
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(rest);
    bytes.extend_from_slice(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    Ok(())
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
    use crate::rootfs::{InodeKind, Metadata};

    fn encoded(name: &[u8], value: &[u8]) -> Result<Vec<u8>, ErofsError> {
        let attributes = BTreeMap::from([(name.to_vec(), value.to_vec())]);
        encode(&attributes, &SharedLabels::default())
    }

    fn inode(xattrs: &[(&[u8], &[u8])]) -> Inode {
        let xattrs = xattrs.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
        let metadata = Metadata { xattrs, ..Metadata::default() };
        Inode { metadata, kind: InodeKind::Fifo }
    }

    #[test]
    fn labels_are_shared_and_other_attributes_stay_with_their_inode() {
        let capability = &b"security.capability"[..];
        let first = inode(&[(LABEL, b"u:r:b\0")]);
        let second = inode(&[(capability, b"c"), (LABEL, b"u:r:a\0")]);
        let labels = SharedLabels::of([&first, &second, &first].into_iter()).expect("short");
        assert_eq!(
            labels.encoded,
            *b"\x07\x06\x06\0selinuxu:r:a\0\0\0\0\x07\x06\x06\0selinuxu:r:b\0\0\0\0"
        );
        let bytes = |inode: &Inode| encode(&inode.metadata.xattrs, &labels).expect("short");
        assert_eq!(bytes(&first), *b"\0\0\0\0\x01\0\0\0\0\0\0\0\x05\0\0\0");
        assert_eq!(
            bytes(&second),
            *b"\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x0a\x06\x01\0capabilityc\0"
        );
        assert_eq!(units(&bytes(&second)), Ok(6));
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
