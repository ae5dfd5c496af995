//! What holds of a migration.

use datastore::{Area, Contents, Key};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use super::snapshot::{Snapshot, has_same_values, only};
use super::{Failed, Setting, strategy};
use crate::change::Step;

/// How many stores are tried.
const CASES: u32 = 256;

/// What is said of the way back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Claim {
    /// It leads to the same where each change says so.
    AsDocumented,
    /// It leads to the same from everywhere.
    Lossless,
}

/// Changes, and what is said of them.
#[derive(Debug)]
pub(super) struct Property<'a> {
    pub(super) steps: Vec<&'a dyn Step>,
    pub(super) claim: Claim,
}

/// Contents after all changes, and whether each of them said that it can be undone.
struct There {
    contents: Contents,
    is_lossless: bool,
}

type Outcome<T = ()> = Result<T, String>;

impl Property<'_> {
    /// Tries it on generated stores, the same ones each time.
    pub(super) fn hold(&self, settings: &[Setting]) -> Result<(), Failed> {
        let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
        let random = TestRng::deterministic_rng(RngAlgorithm::default());
        let stores = strategy::stores(settings, self.named().cloned().collect());
        let tried = TestRunner::new_with_rng(config, random)
            .run(&stores, |store| self.holds(&store).map_err(TestCaseError::fail));
        tried.map_err(|error| self.failed(error))
    }

    fn failed(&self, error: TestError<Snapshot>) -> Failed {
        match error {
            TestError::Fail(what, store) => Failed(format!(
                "{what}\n\nthe store:\n{store:?}\nthe changes:\n{}",
                self.steps.iter().map(|step| format!("  {step:?}\n")).collect::<String>()
            )),
            TestError::Abort(why) => Failed(format!("no stores can be generated: {why}")),
        }
    }

    fn holds(&self, store: &Snapshot) -> Outcome {
        for (area, contents) in &store.0 {
            self.holds_in(area, contents)?;
            let foreign = only(contents, |key| !self.concerns(key));
            self.leaves_alone(area, &foreign)?;
        }
        Ok(())
    }

    /// One area goes there, and back to the same.
    fn holds_in(&self, area: &Area, before: &Contents) -> Outcome {
        let there = self.forward(area, before)?;
        let back = self.back(area, &there.contents)?;
        for (way, after) in [("forward", &there.contents), ("back", &back)] {
            if self.unrelated(after) != self.unrelated(before) {
                return Err(format!("a setting that no change names is another one after {way}"));
            }
        }
        let is_lossless = there.is_lossless || self.claim == Claim::Lossless;
        match is_lossless && !has_same_values(&back, before) {
            true => Err(format!("forward and back is not the same in {area:?}")),
            false => Ok(()),
        }
    }

    /// Contents that no change is about stay as they are, but for what is added.
    fn leaves_alone(&self, area: &Area, foreign: &Contents) -> Outcome {
        let after = self.forward(area, foreign)?.contents;
        let may_add = *area == Area::Live && self.steps.iter().any(|step| step.is_addition());
        let compared = if may_add { self.unrelated(&after) } else { after };
        match compared == *foreign {
            true => Ok(()),
            false => Err(format!("contents that have none of the settings change in {area:?}")),
        }
    }

    fn forward(&self, area: &Area, before: &Contents) -> Outcome<There> {
        let mut there = There { contents: before.clone(), is_lossless: true };
        for step in &self.steps {
            there.is_lossless &= step.is_lossless(area, &there.contents);
            let made = step.forward(area, &mut there.contents);
            made.map_err(|error| format!("forward fails in {area:?}: {error}: {step:?}"))?;
        }
        Ok(there)
    }

    fn back(&self, area: &Area, there: &Contents) -> Outcome<Contents> {
        let mut contents = there.clone();
        for step in self.steps.iter().rev() {
            let undone = step.back(area, &mut contents);
            undone.map_err(|error| format!("the way back fails in {area:?}: {error}: {step:?}"))?;
        }
        Ok(contents)
    }

    fn unrelated(&self, contents: &Contents) -> Contents {
        only(contents, |key| !self.concerns(key))
    }

    fn concerns(&self, key: &Key) -> bool {
        self.named().any(|named| key.is_below(named))
    }

    fn named(&self) -> impl Iterator<Item = &Key> {
        self.steps.iter().flat_map(|step| step.keys())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::{Result, key};

    /// A change of `a` that is wrong.
    #[derive(Debug)]
    struct Broken {
        key: Key,
        is_lossless: bool,
        forward: fn(&mut Contents),
    }

    impl Step for Broken {
        fn forward(&self, _: &Area, contents: &mut Contents) -> Result<()> {
            (self.forward)(contents);
            Ok(())
        }

        fn back(&self, _: &Area, _: &mut Contents) -> Result<()> {
            Ok(())
        }

        fn is_lossless(&self, _: &Area, _: &Contents) -> bool {
            self.is_lossless
        }

        fn keys(&self) -> Vec<&Key> {
            vec![&self.key]
        }
    }

    fn told(is_lossless: bool, forward: fn(&mut Contents)) -> String {
        let broken = Broken { key: a(), is_lossless, forward };
        let property = Property { steps: vec![&broken], claim: Claim::AsDocumented };
        property.hold(&[Setting::any(a())]).unwrap_err().to_string()
    }

    fn a() -> Key {
        key("a").unwrap()
    }

    #[test]
    fn a_change_that_is_not_as_lossless_as_it_says_is_found() {
        let told = told(true, |contents| drop(contents.remove(&a())));
        assert!(told.starts_with("forward and back is not the same"), "{told}");
        assert!(told.contains("Broken"), "{told}");
    }

    #[test]
    fn a_change_of_what_it_does_not_name_is_found() {
        let told = told(true, |contents| contents.data.retain(|key, _| *key == a()));
        assert!(told.starts_with("a setting that no change names"), "{told}");
    }

    #[test]
    fn a_change_of_a_text_alone_is_found() {
        let told = told(true, |contents| {
            for (_, json) in contents.data.iter_mut().filter(|(key, _)| **key != a()) {
                *json = json.value().into();
            }
        });
        assert!(told.starts_with("a setting that no change names"), "{told}");
    }

    #[test]
    fn a_change_of_another_variants_settings_is_found() {
        let told = told(false, |contents| {
            if !contents.data.is_empty() && !contents.data.contains_key(&a()) {
                contents.data.insert(a(), Value::Null.into());
            }
        });
        assert!(told.starts_with("contents that have none of the settings"), "{told}");
    }
}
