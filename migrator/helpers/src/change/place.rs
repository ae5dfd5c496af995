//! Places of settings: what lies there is taken out whole, and put only where nothing is.

use datastore::{Contents, Json, Key};

use crate::{Error, Result};

/// Takes out what lies at a key and below it.
pub(super) fn take(contents: &mut Contents, key: &Key) -> Contents {
    Contents {
        data: contents.data.extract_if(.., |other, _| other.is_below(key)).collect(),
        metadata: contents.metadata.extract_if(.., |other, _| other.is_below(key)).collect(),
    }
}

/// The keys that have values or metadata.
pub(super) fn keys(contents: &Contents) -> impl Iterator<Item = &Key> {
    contents.data.keys().chain(contents.metadata.keys())
}

/// Whether nothing lies at a key or below it.
pub(super) fn is_free(contents: &Contents, key: &Key) -> bool {
    !keys(contents).any(|other| other.is_below(key))
}

/// Whether a setting has a value.
pub(super) fn has(contents: &Contents, key: &Key) -> bool {
    contents.data.contains_key(key)
}

/// Puts what all lies at `to` or below it; it was at `from`.
///
/// # Errors
///
/// Fails when something is there, or a setting above has a value.
pub(super) fn put(contents: &mut Contents, from: &Key, to: &Key, what: Contents) -> Result<()> {
    if let Some(there) = keys(contents).find(|key| key.is_below(to)) {
        return Err(Error::Taken { from: from.to_string(), to: there.to_string() });
    }
    check_above(contents, to)?;
    contents.data.extend(what.data);
    contents.metadata.extend(what.metadata);
    Ok(())
}

/// Gives a setting a value, which it does not have; it may have metadata.
///
/// # Errors
///
/// Fails when it is a table, or lies below a setting that has a value.
pub(super) fn put_value(contents: &mut Contents, key: &Key, value: Json) -> Result<()> {
    if let Some(below) = keys(contents).find(|other| *other != key && other.is_below(key)) {
        return Err(within(below, key));
    }
    check_above(contents, key)?;
    contents.data.insert(key.clone(), value);
    Ok(())
}

fn check_above(contents: &Contents, key: &Key) -> Result<()> {
    let above = contents.data.keys().find(|above| *above != key && key.is_below(above));
    above.map_or(Ok(()), |above| Err(within(key, above)))
}

fn within(key: &Key, above: &Key) -> Error {
    Error::Within { key: key.to_string(), above: above.to_string() }
}
