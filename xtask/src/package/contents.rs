//! What the package holds, as cargo-deb reads it, compared with what the project has: a build for release is too long for a test.

use std::path::Path;

use toml::{Table, Value};

use super::{OWNER, PAGES, PROGRAMS, pages};
use crate::place;

/// Where cargo-deb looks for what was built, whatever the target folder is.
const BUILT: &str = "target/release/";

/// The section of the manifest that cargo-deb reads.
fn metadata() -> Table {
    let manifest = place::read(&place::project().join(OWNER).join("Cargo.toml")).unwrap();
    let manifest: Table = toml::from_str(&manifest).unwrap();
    manifest["package"]["metadata"]["deb"].as_table().unwrap().clone()
}

/// Each source with where it goes and its mode.
fn assets() -> Vec<[String; 3]> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let asset = |value: &Value| {
        let words: Vec<String> = value.as_array().unwrap().iter().map(text).collect();
        <[String; 3]>::try_from(words).unwrap()
    };
    metadata()["assets"].as_array().unwrap().iter().map(asset).collect()
}

/// Names that a pattern stands for in a folder: a `*` is for everything.
fn matching(pattern: &Path) -> Vec<String> {
    let name = pattern.file_name().unwrap().to_str().unwrap();
    let (start, end) = name.split_once('*').unwrap_or((name, ""));
    let entries = std::fs::read_dir(pattern.parent().unwrap()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .filter(|it| {
            it == name || (name.contains('*') && it.starts_with(start) && it.ends_with(end))
        })
        .collect()
}

/// The names that go to a folder of the host, from the project's files.
fn going_to(folder: &str) -> Vec<String> {
    let owner = place::project().join(OWNER);
    let here =
        |[source, to, _]: &[String; 3]| (to == folder).then(|| matching(&owner.join(source)));
    assets().iter().filter_map(here).flatten().collect()
}

#[test]
fn every_source_is_there() {
    let pages = tempfile::tempdir().unwrap();
    pages::write(pages.path()).unwrap();
    for [source, _, _] in assets() {
        let path = match source.strip_prefix(BUILT) {
            Some(program) => {
                assert!(PROGRAMS.contains(&program), "{program}");
                continue;
            }
            None => match source.strip_prefix("../").and_then(|it| it.strip_prefix(PAGES)) {
                Some(page) => pages.path().join(page.trim_start_matches('/')),
                None => place::project().join(OWNER).join(&source),
            },
        };
        assert!(!matching(&path).is_empty(), "{source}");
    }
}

#[test]
fn every_program_and_unit_of_a_host_is_shipped() {
    let programs = assets().into_iter().filter(|[_, to, mode]| to == "usr/bin/" && mode == "755");
    let mut programs: Vec<String> =
        programs.map(|[source, ..]| source.trim_start_matches(BUILT).to_owned()).collect();
    programs.sort();
    assert_eq!(programs, PROGRAMS);
    let shipped = going_to("usr/lib/systemd/system/");
    for entry in std::fs::read_dir(place::project().join("dist/units")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(shipped.contains(&name), "{name}");
    }
}

#[test]
fn units_that_can_be_enabled_are_so_or_are_not_on_purpose() {
    let folder = place::project().join("dist/units");
    let scripts = metadata()["systemd-units"].as_array().unwrap().clone();
    let enabled = |name: &str| {
        let of = scripts.iter().find(|script| script["unit-name"].as_str() == Some(name));
        of.map(|script| script["enable"].as_bool().unwrap())
    };
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if place::read(&path).unwrap().contains("[Install]") {
            let name = path.file_stem().unwrap().to_str().unwrap();
            let wanted = ["updog-agent", "updog-health", "migrator"].contains(&name);
            assert_eq!(enabled(name), Some(wanted), "{name}");
        }
    }
    assert!(scripts.iter().all(|script| script["start"].as_bool() == Some(false)));
}

#[test]
fn the_configuration_is_for_its_owner_only() {
    let found = assets().into_iter().find(|[_, to, _]| to == "etc/").unwrap();
    assert_eq!((found[0].as_str(), found[2].as_str()), ("../dist/updog.toml", "600"));
}

#[test]
fn the_changelog_begins_with_the_version_that_is_built() {
    let text = place::read(&place::project().join("dist/deb/changelog")).unwrap();
    let first = format!("waystone ({}-1) ", env!("CARGO_PKG_VERSION"));
    assert!(text.starts_with(&first), "{text}");
}

#[test]
fn there_is_a_folder_of_scripts_since_the_units_would_have_none_without() {
    let metadata = metadata();
    let folder = metadata["maintainer-scripts"].as_str().unwrap();
    assert!(place::project().join(OWNER).join(folder).is_dir(), "{folder}");
}

#[test]
fn the_copyright_goes_by_its_full_name_since_cargo_deb_would_write_its_own() {
    assert!(assets().iter().any(|[_, to, _]| to == "usr/share/doc/waystone/copyright"));
}
