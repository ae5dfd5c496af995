//! Just enough DER to take the key out of a `SubjectPublicKeyInfo` (RFC 5280, section 4.1.2.7).

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
const OBJECT_ID: u8 = 0x06;

/// Contents of the object identifier 1.2.840.113549.1.1.1.
pub(crate) const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// Contents of the object identifier 1.2.840.10045.2.1.
pub(crate) const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// Contents of the object identifier 1.2.840.10045.3.1.7.
pub(crate) const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// A public key with the algorithm that it is for.
pub(crate) struct PublicKeyInfo<'a> {
    /// Object identifier of the algorithm.
    pub(crate) algorithm: &'a [u8],
    /// Object identifier of the curve, where the algorithm has one.
    pub(crate) curve: Option<&'a [u8]>,
    /// The key in the algorithm's own encoding.
    pub(crate) key: &'a [u8],
}

impl<'a> PublicKeyInfo<'a> {
    /// Parses the whole of `der`; trailing bytes are refused.
    pub(crate) fn parse(der: &'a [u8]) -> Option<Self> {
        let body = only(der, SEQUENCE)?;
        let (identifier, body) = element(body, SEQUENCE)?;
        let (algorithm, parameters) = element(identifier, OBJECT_ID)?;
        let (&unused_bits, key) = only(body, BIT_STRING)?.split_first()?;
        (unused_bits == 0).then_some(())?;
        Some(Self { algorithm, curve: only(parameters, OBJECT_ID), key })
    }
}

/// The contents of the one element that `input` is.
fn only(input: &[u8], tag: u8) -> Option<&[u8]> {
    let (contents, rest) = element(input, tag)?;
    rest.is_empty().then_some(contents)
}

/// The contents of the first element of `input`, which must have `tag`, and what follows it.
fn element(input: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, input) = input.split_first()?;
    (found == tag).then_some(())?;
    let (length, input) = length(input)?;
    input.split_at_checked(length)
}

/// A length in its shortest form, of at most two octets (no key is longer than 64 KiB).
fn length(input: &[u8]) -> Option<(usize, &[u8])> {
    match input {
        [short @ 0..=0x7f, rest @ ..] => Some((usize::from(*short), rest)),
        [0x81, one @ 0x80..=0xff, rest @ ..] => Some((usize::from(*one), rest)),
        [0x82, high @ 1..=0xff, low, rest @ ..] => {
            Some((usize::from(u16::from_be_bytes([*high, *low])), rest))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_truncation_and_every_trailing_byte_is_refused() {
        let mut der = vec![0x30, 0x18, 0x30, 0x13, 0x06, 0x07];
        der.extend_from_slice(EC);
        der.extend_from_slice(&[0x06, 0x08]);
        der.extend_from_slice(P256);
        der.extend_from_slice(&[0x03, 0x01, 0x00]);
        der[1] = 0x18;
        assert!(PublicKeyInfo::parse(&der).is_some_and(|info| info.curve == Some(P256)));
        for end in 0..der.len() {
            assert!(PublicKeyInfo::parse(&der[..end]).is_none(), "cut at {end}");
        }
        der.push(0);
        assert!(PublicKeyInfo::parse(&der).is_none());
    }

    #[test]
    fn lengths_have_one_form() {
        assert_eq!(length(&[0x7f]), Some((0x7f, &[][..])));
        assert_eq!(length(&[0x81, 0x80]), Some((0x80, &[][..])));
        assert_eq!(length(&[0x82, 0x01, 0x00]), Some((0x100, &[][..])));
        for longer in [&[0x81, 0x7f][..], &[0x82, 0x00, 0xff], &[0x80], &[0x83, 1, 0, 0], &[]] {
            assert_eq!(length(longer), None, "{longer:?}");
        }
    }
}
