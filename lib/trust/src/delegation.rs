//! Delegations: which other roles may say what targets there are, and of which names (specification, 4.5).

use std::collections::HashSet;
use std::num::NonZeroU64;

use serde::Deserialize;

use crate::glob;
use crate::key::KeyTable;
use crate::speakers::Speakers;
use crate::strings::Strings;
use crate::{RoleName, Sha256};

/// The most bits of a digest that name a hash bin.
const MAX_BIN_BITS: u32 = 32;

/// The most keys that one delegation names; no role has nearly as many.
const MAX_KEYS: usize = 256;

/// Length of the longest name of a role in bytes.
const MAX_NAME: usize = 4096;

/// To whom a targets role delegates.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Wire")]
pub struct Delegations {
    keys: KeyTable,
    delegates: Delegates,
}

#[derive(Clone, Debug)]
enum Delegates {
    /// In the order in which they are asked.
    Roles(Vec<DelegatedRole>),
    /// One role of many, chosen by the digest of the target's name.
    Bins(Bins),
}

#[derive(Deserialize)]
struct Wire {
    keys: KeyTable,
    roles: Option<Vec<DelegatedRole>>,
    succinct_roles: Option<Bins>,
}

#[derive(Clone, Debug, Deserialize)]
struct DelegatedRole {
    name: String,
    keyids: Strings,
    threshold: NonZeroU64,
    terminating: bool,
    paths: Option<Strings>,
    path_hash_prefixes: Option<Strings>,
}

#[derive(Clone, Debug, Deserialize)]
struct Bins {
    keyids: Strings,
    threshold: NonZeroU64,
    bit_length: u32,
    name_prefix: String,
}

/// A role that may know a target.
#[derive(Clone, Debug)]
pub(crate) struct Delegate {
    pub(crate) name: String,
    pub(crate) speakers: Speakers,
}

/// The name of a target, with the digest that hash bins go by.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    digest: Sha256,
}

impl Wanted {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), digest: Sha256::of(name.as_bytes()) }
    }
}

impl TryFrom<Wire> for Delegations {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, String> {
        let delegates = match (wire.roles, wire.succinct_roles) {
            (Some(roles), None) => {
                check_roles(&roles)?;
                Delegates::Roles(roles)
            }
            (None, Some(bins)) => {
                bins.check()?;
                check_keys(&bins.name_prefix, &bins.keyids)?;
                Delegates::Bins(bins)
            }
            _ => return Err("delegations need either roles or succinct_roles".to_owned()),
        };
        Ok(Self { keys: wire.keys, delegates })
    }
}

fn check_roles(roles: &[DelegatedRole]) -> Result<(), String> {
    let mut names = HashSet::new();
    for role in roles {
        check_name(&role.name)?;
        check_keys(&role.name, &role.keyids)?;
        if !names.insert(&role.name) {
            return Err(format!("the role {:?} is delegated to twice", role.name));
        }
        if role.paths.is_some() == role.path_hash_prefixes.is_some() {
            return Err(format!("the role {:?} needs either paths or hash prefixes", role.name));
        }
        if role.paths.as_ref().is_some_and(|paths| paths.any(|it| it.len() > glob::MAX_PATTERN)) {
            return Err(format!(
                "the role {:?} has a pattern of more than {} bytes",
                role.name,
                glob::MAX_PATTERN
            ));
        }
    }
    Ok(())
}

/// A delegated role that is called like a top-level one would be stored in its place.
fn check_name(name: &str) -> Result<(), String> {
    let roles = [RoleName::Root, RoleName::Timestamp, RoleName::Snapshot, RoleName::Targets];
    if name.is_empty() || roles.iter().any(|role| role.as_str() == name) {
        return Err(format!("no delegated role can be called {name:?}"));
    }
    Ok(())
}

/// A search keeps names and keys of those that it has yet to ask: these are bounded, so that it is.
fn check_keys(name: &str, ids: &Strings) -> Result<(), String> {
    if name.len() > MAX_NAME {
        return Err(format!("a role's name has more than {MAX_NAME} bytes"));
    }
    let mut number = 0;
    ids.each(|_| {
        number += 1;
        number <= MAX_KEYS
    });
    if number > MAX_KEYS {
        return Err(format!("the role {name:?} has more than {MAX_KEYS} keys"));
    }
    Ok(())
}

impl Delegations {
    /// Whom to ask for a target, in order, and whether nobody else is asked after them.
    ///
    /// Of those that `is_new` says yes to; `room` of them, after whom nobody else would be asked either.
    pub(crate) fn for_target(
        &self,
        wanted: &Wanted,
        room: usize,
        is_new: impl Fn(&str) -> bool,
    ) -> (Vec<Delegate>, bool) {
        match &self.delegates {
            Delegates::Bins(bins) => {
                let name = bins.bin(wanted);
                let speakers = Speakers::from_strings(&bins.keyids, bins.threshold, &self.keys);
                let delegate = is_new(&name).then_some(Delegate { name, speakers });
                (delegate.into_iter().collect(), true)
            }
            Delegates::Roles(roles) => self.matching(roles, wanted, room, is_new),
        }
    }

    fn matching(
        &self,
        roles: &[DelegatedRole],
        wanted: &Wanted,
        room: usize,
        is_new: impl Fn(&str) -> bool,
    ) -> (Vec<Delegate>, bool) {
        let mut delegates = Vec::new();
        for role in roles.iter().filter(|role| role.covers(wanted)) {
            if is_new(&role.name) {
                let speakers = Speakers::from_strings(&role.keyids, role.threshold, &self.keys);
                delegates.push(Delegate { name: role.name.clone(), speakers });
            }
            if role.terminating || delegates.len() >= room {
                return (delegates, true);
            }
        }
        (delegates, false)
    }
}

impl DelegatedRole {
    fn covers(&self, wanted: &Wanted) -> bool {
        if let Some(paths) = &self.paths {
            return paths.any(|pattern| glob::matches(pattern, &wanted.name));
        }
        let digest = wanted.digest.to_string();
        let prefixes = self.path_hash_prefixes.as_ref();
        prefixes.is_some_and(|prefixes| prefixes.any(|prefix| digest.starts_with(prefix)))
    }
}

impl Bins {
    fn check(&self) -> Result<(), String> {
        if !(1..=MAX_BIN_BITS).contains(&self.bit_length) {
            return Err(format!("bit_length is {}, not 1 to {MAX_BIN_BITS}", self.bit_length));
        }
        // Every bin is called PREFIX-DIGITS: none can have the name of a top-level role.
        Ok(())
    }

    /// The name of the bin: the prefix and the first bits of the digest, as hexadecimal digits of one length.
    fn bin(&self, wanted: &Wanted) -> String {
        let [a, b, c, d, ..] = *wanted.digest.as_bytes();
        let number = u32::from_be_bytes([a, b, c, d]) >> (MAX_BIN_BITS - self.bit_length);
        let digits = usize::try_from(self.bit_length.div_ceil(4)).unwrap_or_default();
        format!("{}-{number:0digits$x}", self.name_prefix)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn names(json: &str, target: &str) -> (Vec<String>, bool) {
        let delegations: Delegations = serde_json::from_str(json).unwrap();
        let (delegates, last) = delegations.for_target(&Wanted::new(target), 9, |_| true);
        (delegates.into_iter().map(|delegate| delegate.name).collect(), last)
    }

    fn bins(bits: u32) -> String {
        format!(
            r#"{{"keys":{{}},"succinct_roles":{{"keyids":[],"threshold":1,"bit_length":{bits},"name_prefix":"bin"}}}}"#
        )
    }

    #[test]
    fn bins_are_named_by_the_first_bits_of_the_digest() {
        // The digest of "abc" starts with ba7816bf.
        let expected =
            [(1, "bin-1"), (4, "bin-b"), (5, "bin-17"), (8, "bin-ba"), (32, "bin-ba7816bf")];
        for (bits, name) in expected {
            assert_eq!(names(&bins(bits), "abc"), (vec![name.to_owned()], true));
        }
        for bits in [0, 33] {
            assert!(serde_json::from_str::<Delegations>(&bins(bits)).is_err());
        }
    }

    #[test]
    fn a_terminating_role_ends_the_list_if_it_covers_the_name() {
        let json = r#"{"keys":{},"roles":[
            {"name":"a","keyids":[],"threshold":1,"terminating":true,"paths":["x/*"]},
            {"name":"b","keyids":[],"threshold":1,"terminating":false,"path_hash_prefixes":["00","ba7"]},
            {"name":"c","keyids":[],"threshold":1,"terminating":false,"paths":["abc","x/*"]}]}"#;
        assert_eq!(names(json, "x/y"), (vec!["a".into()], true));
        assert_eq!(names(json, "abc"), (vec!["b".into(), "c".into()], false));
        assert_eq!(names(json, "other"), (vec![], false));
    }

    #[test]
    fn what_could_be_read_in_two_ways_or_is_too_long_is_refused() {
        let role = |name: &str, scope: &str| {
            format!(r#"{{"name":"{name}","keyids":[],"threshold":1,"terminating":false{scope}}}"#)
        };
        let paths = r#","paths":[]"#;
        let long = |length| format!(r#","paths":["a","{}"]"#, "[".repeat(length));
        let keys = |number| {
            role("a", paths)
                .replace(r#""keyids":[]"#, &format!(r#""keyids":{:?}"#, vec!["k"; number]))
        };
        let cases = [
            (format!(r#""roles":[{}]"#, keys(256)), true),
            (format!(r#""roles":[{}]"#, keys(257)), false),
            (format!(r#""roles":[{}]"#, role(&"r".repeat(4096), paths)), true),
            (format!(r#""roles":[{}]"#, role(&"r".repeat(4097), paths)), false),
            (r#""roles":[],"succinct_roles":null"#.to_owned(), true),
            (format!(r#""roles":[{}]"#, role("a", paths)), true),
            (String::from(r#""x":1"#), false),
            (format!(r#""roles":[{0},{0}]"#, role("a", paths)), false),
            (format!(r#""roles":[{}]"#, role("root", paths)), false),
            (format!(r#""roles":[{}]"#, role("", paths)), false),
            (format!(r#""roles":[{}]"#, role("a", "")), false),
            (format!(r#""roles":[{}]"#, role("a", &long(4096))), true),
            (format!(r#""roles":[{}]"#, role("a", &long(4097))), false),
            (
                format!(r#""roles":[{}]"#, role("a", r#","paths":[],"path_hash_prefixes":[]"#)),
                false,
            ),
        ];
        for (json, good) in cases {
            let json = format!(r#"{{"keys":{{}},{json}}}"#);
            assert_eq!(serde_json::from_str::<Delegations>(&json).is_ok(), good, "{json}");
        }
    }
}
