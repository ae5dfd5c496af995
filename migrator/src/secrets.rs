//! Which settings are not shown.
//!
//! A setting says so itself, by its metadata `secret` with any value but `false`; and one whose name has a word for it is
//! taken for a secret, too. A private key is one whatever its name. Rather too much is masked than too little; whoever may read
//! the store can read the value there, or ask for it.

use datastore::{Area, Json, Key};

use crate::changes::{All, Change};

/// Name of the metadata that says it.
const METADATA: &str = "secret";

/// Words that tell, as parts of a segment between `-`, `_`, `/` and dots.
const WORDS: [&str; 14] = [
    "auth",
    "authkey",
    "credential",
    "credentials",
    "passphrase",
    "passwd",
    "password",
    "passwords",
    "pin",
    "privatekey",
    "secret",
    "secrets",
    "token",
    "tokens",
];

/// Pairs of words that tell.
const PAIRS: [(&str, &str); 5] =
    [("private", "key"), ("api", "key"), ("access", "key"), ("user", "data"), ("shared", "key")];

/// What a text with a key in it has.
const PRIVATE_KEY: &str = "PRIVATE KEY-----";

/// Whether the values of a change are not to be shown; `alls` are the stores in which the setting may say so.
pub(crate) fn is_secret(change: &Change, alls: &[&All]) -> bool {
    let says = |all: &&All| says_so(all, &change.area, &change.key);
    let values = [&change.was, &change.is];
    let is_key = |value: &&Json| value.text().contains(PRIVATE_KEY);
    alls.iter().any(says)
        || is_named_so(&change.key)
        || values.into_iter().flatten().any(|value| is_key(&value))
}

fn says_so(all: &All, area: &Area, key: &Key) -> bool {
    let metadata = |area| all.get(area)?.metadata.get(key)?.get(METADATA);
    let is_true = |value: &Json| value.text().trim() != "false";
    metadata(area).or_else(|| metadata(&Area::Live)).is_some_and(is_true)
}

fn is_named_so(key: &Key) -> bool {
    key.segments().iter().any(|segment| {
        let words: Vec<String> = segment
            .split(|char: char| !char.is_alphanumeric())
            .map(str::to_ascii_lowercase)
            .collect();
        let told = words.iter().any(|word| WORDS.contains(&word.as_str()));
        told || words.windows(2).any(|pair| match pair {
            [one, other] => PAIRS.contains(&(one.as_str(), other.as_str())),
            _ => false,
        })
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use datastore::Contents;

    use super::*;

    fn change(key: &str, is: &str) -> Change {
        let is = Some(Json::parse(is.to_owned()).unwrap());
        Change { area: Area::Live, key: key.parse().unwrap(), metadata: None, was: None, is }
    }

    #[test]
    fn names_tell() {
        for key in [
            "settings.registry.password",
            "settings.kubernetes.bootstrap-token",
            "settings.api_key",
            "settings.a.private-key",
            "settings.credentials.\"ghcr.io\".user",
            "settings.host-containers.admin.user-data",
        ] {
            assert!(is_secret(&change(key, "1"), &[]), "{key}");
        }
        for key in ["settings.host.name", "settings.tokenizer", "settings.author", "settings.spin"]
        {
            assert!(!is_secret(&change(key, "1"), &[]), "{key}");
        }
    }

    #[test]
    fn private_keys_and_what_says_so_itself_are_secret() {
        let pem = "\"-----BEGIN PRIVATE KEY-----\\nMC4\\n\"";
        assert!(is_secret(&change("settings.tls", pem), &[]));
        let with = |value: &str| {
            let named = BTreeMap::from([(METADATA.into(), Json::parse(value.into()).unwrap())]);
            let metadata = BTreeMap::from([("a".parse().unwrap(), named)]);
            All::from([(Area::Live, Contents { metadata, ..Contents::default() })])
        };
        assert!(is_secret(&change("a", "1"), &[&All::new(), &with("true")]));
        assert!(!is_secret(&change("a", "1"), &[&with("false")]));
        assert!(!is_secret(&change("b", "1"), &[&with("true")]));
    }
}
