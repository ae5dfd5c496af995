//! A text of a configuration, where TOML has dates and times of its own that look the same.

use serde::Deserialize;

/// A text; what is none is told of quotes.
#[derive(Deserialize)]
#[serde(untagged, expecting = "must be a text, in quotes")]
pub(crate) enum Text {
    /// The only thing that it may be.
    Text(String),
}

impl Text {
    pub(crate) fn into_string(self) -> String {
        let Self::Text(text) = self;
        text
    }
}
