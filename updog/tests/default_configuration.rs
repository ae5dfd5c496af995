//! The configuration that packages bring: it names every field, and shows the defaults that the code has.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use toml::{Table, Value};
use updog::config::{ConfigError, Settings};

/// The file, in which everything is a comment.
const TEXT: &str = include_str!("../../dist/updog.toml");

/// Fields without a default, shown as examples.
const EXAMPLES: [&str; 9] = [
    "https_proxy",
    "no_proxy",
    "ca_file",
    "limits.rate",
    "limits.max_bytes",
    "agent.window",
    "agent.blackout",
    "agent.metrics_dir",
    "mirror",
];

/// What has to be said in every configuration.
const REQUIRED: &str =
    "metadata_base_url = 'http://localhost/'\ntargets_base_url = 'http://localhost/'\n";

/// A field that there is not.
const UNKNOWN: &str = "no_such_field";

/// The file without the `#` before names and tables. Text has a space behind it.
fn uncommented() -> Table {
    let lines = TEXT.lines().filter_map(|line| line.strip_prefix('#'));
    let set: Vec<&str> = lines.filter(|line| line.starts_with(|it: char| it != ' ')).collect();
    toml::from_str(&set.join("\n")).unwrap()
}

fn parse(text: &str) -> Result<Settings, ConfigError> {
    Settings::parse(text, Path::new("/etc/updog.toml"))
}

/// The fields of a table, as the refusal of an unknown one tells them; none if it is no table.
fn names(header: &str) -> Vec<String> {
    let text = if header.is_empty() {
        format!("{UNKNOWN} = 1\n{REQUIRED}")
    } else {
        format!("{REQUIRED}{header}\n{UNKNOWN} = 1\n")
    };
    let told = parse(&text).unwrap_err().to_string();
    let Some((_, known)) = told.split_once(&format!("unknown field `{UNKNOWN}`")) else {
        return Vec::new();
    };
    known.split('`').skip(1).step_by(2).map(ToOwned::to_owned).collect()
}

/// Every field of the file below a table's path, with the tables that the code knows of.
fn missing(table: &Table, header: &str, path: &str) -> Vec<String> {
    let known = names(header);
    assert!(!known.is_empty(), "{header}");
    let mut missing = Vec::new();
    for name in known {
        let at = format!("{path}{name}");
        match table.get(&name) {
            None => missing.push(at),
            Some(Value::Table(below)) => {
                missing.extend(self::missing(below, &format!("[{at}]"), &format!("{at}.")));
            }
            Some(Value::Array(several)) if several.first().is_some_and(Value::is_table) => {
                let below = several[0].as_table().unwrap();
                missing.extend(self::missing(below, &format!("[[{at}]]"), &format!("{at}.")));
            }
            Some(_) => {}
        }
    }
    missing
}

fn remove(table: &mut Table, path: &str) {
    match path.split_once('.') {
        None => drop(table.remove(path)),
        Some((section, rest)) => {
            if let Some(below) = table.get_mut(section).and_then(Value::as_table_mut) {
                remove(below, rest);
            }
        }
    }
}

#[test]
fn as_it_comes_it_sets_nothing() {
    assert!(toml::from_str::<Table>(TEXT).unwrap().is_empty());
}

#[test]
fn every_field_is_named() {
    assert_eq!(missing(&uncommented(), "", ""), [""; 0]);
}

#[test]
fn every_line_of_it_can_be_used() {
    parse(&toml::to_string(&uncommented()).unwrap()).unwrap();
}

#[test]
fn what_it_shows_are_the_defaults() {
    let mut shown = uncommented();
    for path in EXAMPLES {
        remove(&mut shown, path);
    }
    shown.extend(toml::from_str::<Table>(REQUIRED).unwrap());
    let shown = parse(&toml::to_string(&shown).unwrap()).unwrap();
    assert_eq!(format!("{shown:#?}"), format!("{:#?}", Settings::without_file()));
}
