//! A change as it is shown: secrets are not.

use datastore::{Area, Json, Key};
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::changes::{All, Change};
use crate::secrets::is_secret;

/// Whether the values of secrets are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Secrets {
    /// They are not.
    #[default]
    Masked,
    /// They are.
    Shown,
}

/// A change for a reader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// `live`, or `pending/TRANSACTION`.
    pub area: Area,
    /// The setting.
    pub key: Key,
    /// Which metadata of it, if it is not the value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
    /// What becomes of it.
    pub becomes: Becomes,
    /// Whether the values are secret.
    pub secret: bool,
    /// What it was; left out if it was not there, or is secret.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_it_is")]
    pub was: Option<Json>,
    /// What it is; left out if it is gone, or secret.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_it_is")]
    pub is: Option<Json>,
}

/// What becomes of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Becomes {
    /// It was not there.
    Added,
    /// It has another value.
    Changed,
    /// It is gone.
    Removed,
}

impl Shown {
    /// A change as it is shown; `alls` are the stores in which a setting may say that it is a secret.
    pub fn of(change: &Change, alls: &[&All], secrets: Secrets) -> Self {
        let secret = is_secret(change, alls);
        let value =
            |value: &Option<Json>| value.clone().filter(|_| !secret || secrets == Secrets::Shown);
        Self {
            area: change.area.clone(),
            key: change.key.clone(),
            metadata: change.metadata.clone(),
            becomes: match (&change.was, &change.is) {
                (None, _) => Becomes::Added,
                (_, None) => Becomes::Removed,
                _ => Becomes::Changed,
            },
            secret,
            was: value(&change.was),
            is: value(&change.is),
        }
    }
}

/// A value as JSON, with every digit that it has.
fn as_it_is<S: Serializer>(value: &Option<Json>, to: S) -> Result<S::Ok, S::Error> {
    let text = value.as_ref().map(|json| json.text().trim().to_owned()).unwrap_or_default();
    RawValue::from_string(text).map_err(S::Error::custom)?.serialize(to)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn change(key: &str) -> Change {
        let json = |text: &str| Some(Json::parse(text.to_owned()).unwrap());
        let (was, is) = (json("1.50 "), json("{\"a\":  1e400}"));
        Change { area: Area::Live, key: key.parse().unwrap(), metadata: None, was, is }
    }

    #[test]
    fn values_are_shown_with_every_digit() {
        let shown = Shown::of(&change("a"), &[], Secrets::Masked);
        let text = r#"{"area":"live","key":"a","becomes":"changed","secret":false,"was":1.50,"is":{"a":  1e400}}"#;
        assert_eq!(serde_json::to_string(&shown).unwrap(), text);
    }

    #[test]
    fn secrets_are_not_unless_they_are_asked_for() {
        let shown = Shown::of(&change("a.password"), &[], Secrets::Masked);
        let text = r#"{"area":"live","key":"a.password","becomes":"changed","secret":true}"#;
        assert_eq!(serde_json::to_string(&shown).unwrap(), text);
        assert!(Shown::of(&change("a.password"), &[], Secrets::Shown).is.is_some());
    }
}
