//! Changes of settings for people, a line each.
//!
//! ```text
//!   settings.host.name -> settings.network.hostname: "worker-7"
//!   + settings.ntp.enabled: true
//!   - settings.motd: "hello"
//!   settings.ntp.servers: ["10.0.0.1"] -> ["10.0.0.2"]
//! ```
//!
//! One that is gone and one that is new, of the same value that no other has, are told as one that has moved.

use std::collections::BTreeMap;

use datastore::{Area, Json};

use crate::{Becomes, Shown};

/// Longest value that is shown whole, in characters.
const MAX_VALUE: usize = 100;

/// The lines.
pub(super) fn lines(changes: &[Shown]) -> Vec<String> {
    let moves = moves(changes);
    let line = |(at, change): (usize, &Shown)| match moves.get(&at) {
        Some(Move::From) => None,
        Some(Move::To(from)) => {
            let from = name(changes.get(*from)?);
            Some(format!("{from} -> {}: {}", name(change), value(change, change.is.as_ref())))
        }
        None => Some(line(change)),
    };
    changes.iter().enumerate().filter_map(line).collect()
}

/// One change.
pub(super) fn line(change: &Shown) -> String {
    let (was, is) = (change.was.as_ref(), change.is.as_ref());
    let name = name(change);
    match change.becomes {
        Becomes::Added => format!("+ {name}: {}", value(change, is)),
        Becomes::Removed => format!("- {name}: {}", value(change, was)),
        Becomes::Changed => format!("{name}: {} -> {}", value(change, was), value(change, is)),
    }
}

/// What becomes of a change in a move.
enum Move {
    /// It is told with the other one.
    From,
    /// It is the new place of the one at this index.
    To(usize),
}

/// Values that are gone in one place and new in another of the same part, and nowhere else among the changes.
fn moves(changes: &[Shown]) -> BTreeMap<usize, Move> {
    let mut places: BTreeMap<_, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for (at, change) in changes.iter().enumerate().filter(|(_, change)| !change.secret) {
        let of = |value: &'_ Option<Json>| {
            let text = value.as_ref().map(|json| json.text().to_owned());
            (change.area.clone(), change.metadata.clone(), text)
        };
        match change.becomes {
            Becomes::Removed => places.entry(of(&change.was)).or_default().0.push(at),
            Becomes::Added => places.entry(of(&change.is)).or_default().1.push(at),
            Becomes::Changed => {}
        }
    }
    let mut moves = BTreeMap::new();
    for (from, to) in places.into_values() {
        if let ([from], [to]) = (from.as_slice(), to.as_slice()) {
            moves.insert(*from, Move::From);
            moves.insert(*to, Move::To(*from));
        }
    }
    moves
}

fn name(change: &Shown) -> String {
    let area = match &change.area {
        Area::Live => String::new(),
        pending => format!("{pending}: "),
    };
    let metadata = change.metadata.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    format!("{area}{}{metadata}", change.key)
}

fn value(change: &Shown, value: Option<&Json>) -> String {
    let Some(value) = value else {
        return if change.secret { "(secret)".to_owned() } else { "(nothing)".to_owned() };
    };
    let text: String = value
        .text()
        .trim()
        .chars()
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect();
    match text.char_indices().nth(MAX_VALUE) {
        Some((end, _)) => {
            format!("{}… ({} bytes)", text.get(..end).unwrap_or_default(), text.len())
        }
        None => text,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn shown(key: &str, was: Option<&str>, is: Option<&str>) -> Shown {
        let json = |text: Option<&str>| text.map(|text| Json::parse(text.to_owned()).unwrap());
        let becomes = match (was, is) {
            (None, _) => Becomes::Added,
            (_, None) => Becomes::Removed,
            _ => Becomes::Changed,
        };
        let (was, is) = (json(was), json(is));
        let key = key.parse().unwrap();
        Shown { area: Area::Live, key, metadata: None, becomes, secret: false, was, is }
    }

    #[test]
    fn a_line_for_each_and_one_for_what_moved() {
        let changes = [
            shown("a.old", Some("\"x\""), None),
            shown("b.new", None, Some("\"x\"")),
            shown("c", None, Some("true")),
            shown("d", Some("1"), None),
            shown("e", Some("1"), Some("[2,\n3]")),
        ];
        let expected = ["a.old -> b.new: \"x\"", "+ c: true", "- d: 1", "e: 1 -> [2, 3]"];
        assert_eq!(lines(&changes), expected);
    }

    #[test]
    fn where_it_is_not_clear_what_moved_nothing_did() {
        let changes =
            [shown("a", Some("1"), None), shown("b", None, Some("1")), shown("c", None, Some("1"))];
        assert_eq!(lines(&changes), ["- a: 1", "+ b: 1", "+ c: 1"]);
    }

    #[test]
    fn secrets_and_long_values_are_not_shown_whole() {
        let secret =
            Shown { secret: true, was: None, is: None, ..shown("a.token", Some("1"), Some("2")) };
        assert_eq!(line(&secret), "a.token: (secret) -> (secret)");
        let long = format!("\"{}\"", "ä".repeat(300));
        assert!(line(&shown("a", None, Some(&long))).ends_with("… (602 bytes)"));
    }
}
