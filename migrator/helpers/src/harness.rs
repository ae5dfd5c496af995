//! Properties of a migration, for its tests: tried on generated stores, behind the feature `harness`.
//!
//! An author says which settings the older release has that the changes are about, and which values they may have:
//!
//! ```no_run
//! use migration::harness::{Failed, Setting, check_lossless};
//! use migration::{Change, key};
//!
//! # fn main() -> Result<(), Failed> {
//! let changes = [Change::split(key("settings.peer")?, ":", vec![key("settings.host")?, key("settings.port")?])];
//! check_lossless(&changes, &[Setting::of(key("settings.peer")?, ["db:5432", "cache:6379"])])
//! # }
//! ```
//!
//! Stores are made of these settings, each there or not, with and without metadata, live and in up to two transactions, among settings that the
//! changes are not about: neighbours whose names are nearly the same, names with dots, and values of every type, written in more than one way. They are the same in
//! every run. A store of the older release does not have what only the newer one has: nothing is generated there unless it is listed.
//!
//! Left out on purpose: the disk. What is generated is in memory, so the reading and writing of a store is not tried here.

mod failed;
mod property;
mod setting;
mod snapshot;
mod strategy;

pub use failed::Failed;
pub use setting::Setting;

use crate::Change;
use property::{Claim, Property};

/// Checks a list of changes on generated stores:
///
/// - forward succeeds, and so does the way back from there;
/// - the way back leads to the same values, wherever every change on the way [says so](Change::is_lossless);
/// - settings that no change names stay the same, byte for byte, on both ways;
/// - a store that has none of the settings, such as another variant's, stays as it is, but for what [`Change::add`] adds to what is live.
///
/// # Errors
///
/// A property that does not hold, with the smallest store that was found and the change.
pub fn check(changes: &[Change], settings: &[Setting]) -> Result<(), Failed> {
    tried(changes, settings, Claim::AsDocumented)
}

/// Checks the same, and that the way back leads to the same values from every store of the older release.
///
/// # Errors
///
/// As [`check`].
pub fn check_lossless(changes: &[Change], settings: &[Setting]) -> Result<(), Failed> {
    tried(changes, settings, Claim::Lossless)
}

fn tried(changes: &[Change], settings: &[Setting], claim: Claim) -> Result<(), Failed> {
    Property { steps: changes.iter().map(Change::step).collect(), claim }.hold(settings)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::key;

    fn setting(text: &str, values: &[&str]) -> Setting {
        Setting::of(key(text).unwrap(), values.to_vec())
    }

    fn any(text: &str) -> Setting {
        Setting::any(key(text).unwrap())
    }

    fn told(outcome: Result<(), Failed>) -> String {
        outcome.unwrap_err().to_string()
    }

    #[test]
    fn every_kind_of_change_holds() {
        let key = |text| key(text).unwrap();
        let changes = [
            Change::rename(key("s.a"), key("s.b.c")),
            Change::move_table(key("s.table"), key("other.\"ta.ble\"")),
            Change::add(key("s.new"), 1),
            Change::remove(key("s.gone")),
            Change::remove_restoring(key("s.back"), "x"),
            Change::replace(key("s.value"), "old", "new"),
            Change::change_default(key("s.default"), "old", "new"),
            Change::split(key("s.pair"), ":", vec![key("s.host"), key("s.pair.port")]),
            Change::add_metadata(key("s.value"), "added", 1),
            Change::remove_metadata(key("s.default"), "gone"),
            Change::remove_metadata_restoring(key("s.value"), "back", 2),
            Change::replace_metadata(key("s.value"), "strength", "weak", "soft"),
            Change::rename_metadata(key("s.b.c"), "strength", "power"),
        ];
        let settings = [
            any("s.a.x"),
            any("s.a.\"y.z\""),
            any("s.table.x"),
            any("s.table.deep.er"),
            any("s.gone"),
            setting("s.back", &["x", "y"]),
            setting("s.value", &["old", "new", "other"]).with_metadata("back", [2, 3]),
            setting("s.default", &["old", "new"]).with_metadata("gone", [true]),
            setting("s.pair", &["a:1", "b:", ":"]),
        ];
        check(&changes, &settings).unwrap();
    }

    #[test]
    fn a_list_that_loses_nothing_is_taken_for_one() {
        let key = |text| key(text).unwrap();
        let changes = [
            Change::rename(key("a"), key("b")),
            Change::rename(key("c"), key("a")),
            Change::change_default(key("a"), 1, 2),
            Change::split(key("b"), "/", vec![key("b.x"), key("b.y")]),
        ];
        let c = Setting::of(key("c"), [1, 3]);
        check_lossless(&changes, &[setting("a", &["x/y", "/"]), c]).unwrap();
    }

    #[test]
    fn a_loss_is_told_with_the_smallest_store() {
        let changes = [Change::remove(key("s.a").unwrap())];
        check(&changes, &[any("s.a")]).unwrap();
        let told = told(check_lossless(&changes, &[setting("s.a", &["x"])]));
        assert!(told.starts_with("forward and back is not the same"), "{told}");
        assert!(told.contains(": s.a = \"x\"\n"), "{told}");
        assert!(told.contains("Removal"), "{told}");
        assert_eq!(told.matches(" = ").count(), 1, "one setting shows it: {told}");
    }

    #[test]
    fn a_new_value_that_the_older_release_has_too_is_a_loss() {
        let changes = [Change::replace(key("a").unwrap(), "old", "new")];
        check_lossless(&changes, &[setting("a", &["old", "other"])]).unwrap();
        let settings = [setting("a", &["old", "new"])];
        check(&changes, &settings).unwrap();
        assert!(told(check_lossless(&changes, &settings)).contains("a = \"new\""));
    }

    #[test]
    fn a_value_that_does_not_fit_is_told() {
        let parts = vec![key("host").unwrap(), key("port").unwrap()];
        let changes = [Change::split(key("a").unwrap(), ":", parts)];
        let told = told(check(&changes, &[setting("a", &["x:1", "no-port"])]));
        assert!(told.contains("the value of a cannot be split in 2"), "{told}");
        assert!(told.contains("a = \"no-port\""), "{told}");
    }

    #[test]
    fn a_name_that_is_taken_is_told() {
        let changes = [Change::rename(key("a").unwrap(), key("b").unwrap())];
        let told = told(check(&changes, &[any("a"), any("b")]));
        assert!(told.contains("a cannot become b, which is there already"), "{told}");
    }
}
