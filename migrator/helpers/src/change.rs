//! Changes of settings, each with its way back.
//!
//! Invariant: nothing is written over. Where a change would need a place that something has already, or a setting would have to be a folder and a
//! file at once, it fails and names both.

mod metadata;
mod parts;
mod place;
mod presence;
mod relocation;
mod replacement;
#[cfg(test)]
mod written;

use std::fmt;

use serde_json::Value;

use datastore::{Area, Contents, Key};

use crate::{Direction, Result};
use metadata::{Edit, Metadata};
use parts::Parts;
use presence::{Addition, Removal};
use relocation::{Extent, Relocation};
use replacement::{Replacement, Whose};

/// A change of settings. What it is about need not be there: then nothing changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Change(Kind);

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Relocation(Relocation),
    Addition(Addition),
    Removal(Removal),
    Replacement(Replacement),
    Parts(Parts),
    Metadata(Metadata),
}

/// What each kind of change knows.
pub(crate) trait Step: fmt::Debug {
    /// Makes the change.
    fn forward(&self, area: &Area, contents: &mut Contents) -> Result<()>;

    /// Undoes it.
    fn back(&self, area: &Area, contents: &mut Contents) -> Result<()>;

    /// Whether [`Step::back`] leads from what [`Step::forward`] makes of these contents to the same values again.
    fn is_lossless(&self, area: &Area, contents: &Contents) -> bool;

    /// The keys that it names. It leaves alone what lies neither at nor below one of them.
    #[cfg(any(test, feature = "harness"))]
    fn keys(&self) -> Vec<&Key>;

    /// Whether it adds settings where there are none.
    #[cfg(any(test, feature = "harness"))]
    fn is_addition(&self) -> bool {
        false
    }
}

impl Change {
    /// Gives a setting another name, and all that lie below it. Back: the old name.
    ///
    /// Lossless where nothing has the new name, or lies below it.
    pub fn rename(from: Key, to: Key) -> Self {
        Self(Kind::Relocation(Relocation { from, to, extent: Extent::Any }))
    }

    /// Moves a table: all that lies below `from` goes below `to`. Back: the other way. A setting that has a value itself is no table, and an error.
    ///
    /// Lossless where nothing lies at or below `to`.
    pub fn move_table(from: Key, to: Key) -> Self {
        Self(Kind::Relocation(Relocation { from, to, extent: Extent::Table }))
    }

    /// Adds a setting that is not there, with a default; to what is live, not to what is pending. Back: it goes, whatever its value.
    ///
    /// Lossless where nothing has that name before: a value that was there stays, and goes on the way back.
    pub fn add(key: Key, default: impl Into<Value>) -> Self {
        Self(Kind::Addition(Addition { key, default: default.into() }))
    }

    /// Removes a setting, and all that lie below it. Back: nothing, since nobody knows what it was.
    ///
    /// Lossless where it is not there.
    pub fn remove(key: Key) -> Self {
        Self(Kind::Removal(Removal { key, former: None }))
    }

    /// Removes a setting, and all that lie below it. Back: it has this value, in what is live.
    ///
    /// Lossless where it is live with this value and without metadata; and in a transaction that does not have it.
    pub fn remove_restoring(key: Key, value: impl Into<Value>) -> Self {
        Self(Kind::Removal(Removal { key, former: Some(value.into()) }))
    }

    /// Replaces one value of a setting by another, whoever set it. Back: the other way round.
    ///
    /// Lossless where it does not have the new value before: what comes back is the old one.
    pub fn replace(key: Key, old: impl Into<Value>, new: impl Into<Value>) -> Self {
        let (old, new) = (old.into(), new.into());
        Self(Kind::Replacement(Replacement { key, old, new, whose: Whose::Anybody }))
    }

    /// Replaces a default that nobody set: the old value where it is live and the setting's metadata `strength` is not `"strong"`. Without that metadata
    /// the value alone decides. What a transaction has somebody set. Back: the other way round, by the same rule.
    ///
    /// Lossless where it does not have the new value before, or has it and is strong. A strength that changes in between is not undone: a new default that
    /// somebody confirmed stays.
    pub fn change_default(key: Key, old: impl Into<Value>, new: impl Into<Value>) -> Self {
        let (old, new) = (old.into(), new.into());
        Self(Kind::Replacement(Replacement { key, old, new, whose: Whose::Nobody }))
    }

    /// Splits a text at a separator in as many settings as there are names; the metadata of the whole goes to each. Another number of pieces, or no text, is
    /// an error. Back: they are joined where a split would make the same of them again. Where one is missing, is no text, has the separator in it or other
    /// metadata than the rest, all stay as they are: nothing is lost, but the older release has no value.
    ///
    /// Lossless where nothing has the parts' names before.
    pub fn split(key: Key, separator: impl Into<String>, parts: Vec<Key>) -> Self {
        Self(Kind::Parts(Parts { key, separator: separator.into(), parts }))
    }

    /// Adds metadata to a setting that has a value and no metadata of this name; to what is live. Back: it goes, whatever its value.
    ///
    /// Lossless where there is none of this name before.
    pub fn add_metadata(key: Key, name: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::metadata(key, name, Edit::Add(value.into()))
    }

    /// Removes metadata of a setting. Back: nothing.
    ///
    /// Lossless where there is none of this name.
    pub fn remove_metadata(key: Key, name: impl Into<String>) -> Self {
        Self::metadata(key, name, Edit::Remove(None))
    }

    /// Removes metadata of a setting. Back: it has this value, where the setting is live with a value.
    ///
    /// Lossless where it has this value, of a live setting; and where it is missing, unless the setting is live with a value.
    pub fn remove_metadata_restoring(
        key: Key,
        name: impl Into<String>,
        value: impl Into<Value>,
    ) -> Self {
        Self::metadata(key, name, Edit::Remove(Some(value.into())))
    }

    /// Replaces one value of metadata by another. Back: the other way round.
    ///
    /// Lossless where it does not have the new value before.
    pub fn replace_metadata(
        key: Key,
        name: impl Into<String>,
        old: impl Into<Value>,
        new: impl Into<Value>,
    ) -> Self {
        Self::metadata(key, name, Edit::Replace { old: old.into(), new: new.into() })
    }

    /// Gives metadata of a setting another name. Back: the old name.
    ///
    /// Lossless where there is none of the new name.
    pub fn rename_metadata(
        key: Key,
        old_name: impl Into<String>,
        new_name: impl Into<String>,
    ) -> Self {
        Self::metadata(key, old_name, Edit::Rename(new_name.into()))
    }

    /// Whether the change, made in these contents and undone, gives the same values again. Each kind's documentation says where it does.
    ///
    /// [`rename`](Self::rename), [`move_table`](Self::move_table), [`split`](Self::split) and [`rename_metadata`](Self::rename_metadata) are lossless wherever
    /// the new names are new. Texts may differ: what is put together again is written anew, as the shortest JSON.
    pub fn is_lossless(&self, area: &Area, contents: &Contents) -> bool {
        self.step().is_lossless(area, contents)
    }

    /// Makes the change, or undoes it.
    pub(crate) fn apply(
        &self,
        direction: Direction,
        area: &Area,
        contents: &mut Contents,
    ) -> Result<()> {
        match direction {
            Direction::Forward => self.step().forward(area, contents),
            Direction::Backward => self.step().back(area, contents),
        }
    }

    fn metadata(key: Key, name: impl Into<String>, edit: Edit) -> Self {
        Self(Kind::Metadata(Metadata { key, name: name.into(), edit }))
    }

    pub(crate) fn step(&self) -> &dyn Step {
        match &self.0 {
            Kind::Relocation(step) => step,
            Kind::Addition(step) => step,
            Kind::Removal(step) => step,
            Kind::Replacement(step) => step,
            Kind::Parts(step) => step,
            Kind::Metadata(step) => step,
        }
    }
}
