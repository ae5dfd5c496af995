//! Where a file of the spec comes from.

use std::path::PathBuf;

use serde::Deserialize;

/// A file inside the root filesystem, or (after `host:`) on the machine that builds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum FileRef {
    /// A path in the root filesystem; `*` and `?` stand for characters of one name, and exactly one file
    /// must match.
    Rootfs(String),
    /// A path on the machine that builds, relative to the folder of the spec.
    Host(PathBuf),
}

impl TryFrom<String> for FileRef {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("host:") {
            return if path.is_empty() {
                Err("'host:' needs a path".into())
            } else {
                Ok(Self::Host(path.into()))
            };
        }
        let path = text.strip_prefix('/').unwrap_or(&text);
        let named = |name: &str| !matches!(name, "" | "." | "..");
        if path.split('/').all(named) {
            return Ok(Self::Rootfs(path.to_owned()));
        }
        Err(format!(
            "'{text}' is no plain path in the root filesystem: it has an empty name, '.' or '..'"
        ))
    }
}

impl std::fmt::Display for FileRef {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rootfs(path) => write!(out, "/{path} of the root filesystem"),
            Self::Host(path) => write!(out, "{}", path.display()),
        }
    }
}
