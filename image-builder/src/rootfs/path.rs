//! Names inside a root filesystem.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A path from the root of the root filesystem, `usr/bin/sh`; the root itself is empty.
///
/// It has no empty name, no `.`, no `..` and no NUL, so that it stays below whatever it is joined to, provided
/// that no link lies on its way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RootPath(Vec<u8>);

/// A name that is no path inside a root filesystem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It begins with a slash.
    #[error("its name is absolute")]
    Absolute,
    /// It leads upwards.
    #[error("its name contains '..'")]
    Parent,
    /// It has a byte that no name can have.
    #[error("its name contains a NUL")]
    Nul,
    /// A name of more than 255 bytes, or a path of more than 4095.
    #[error("its name is too long")]
    TooLong,
}

impl RootPath {
    /// The root.
    pub fn root() -> Self {
        Self::default()
    }

    /// Reads a name of an archive; `./` before it and `/` after it are left off.
    ///
    /// # Errors
    ///
    /// Names that are absolute or lead upwards are refused.
    pub fn parse(bytes: &[u8]) -> Result<Self, PathError> {
        match bytes.first() {
            Some(b'/') => return Err(PathError::Absolute),
            _ if bytes.contains(&0) => return Err(PathError::Nul),
            _ if bytes.len() > 4095 => return Err(PathError::TooLong),
            _ => {}
        }
        let mut path = Self::root();
        for name in bytes.split(|byte| *byte == b'/') {
            match name {
                b"" | b"." => {}
                b".." => return Err(PathError::Parent),
                _ if name.len() > 255 => return Err(PathError::TooLong),
                _ => path = path.child(name),
            }
        }
        Ok(path)
    }

    /// The path of a name in this folder. The name must be one: no slash, not `.` or `..`.
    pub(crate) fn child(&self, name: &[u8]) -> Self {
        let mut bytes = self.0.clone();
        if !bytes.is_empty() {
            bytes.push(b'/');
        }
        bytes.extend_from_slice(name);
        Self(bytes)
    }

    /// The folder that it lies in; the root lies in none.
    pub fn parent(&self) -> Option<Self> {
        if self.0.is_empty() {
            return None;
        }
        let end = self.0.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        Some(Self(self.0[..end].to_vec()))
    }

    /// Its last name; the root has none.
    pub fn name(&self) -> &[u8] {
        self.0.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
    }

    /// The folders above it, the root first.
    pub fn ancestors(&self) -> impl Iterator<Item = Self> + '_ {
        let slashes = self.0.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        let root = (!self.0.is_empty()).then(Self::root);
        root.into_iter().chain(slashes.map(|(end, _)| Self(self.0[..end].to_vec())))
    }

    /// Whether it lies below `folder`.
    pub fn is_below(&self, folder: &Self) -> bool {
        match self.0.strip_prefix(folder.0.as_slice()) {
            Some(rest) if folder.0.is_empty() => !rest.is_empty(),
            Some(rest) => rest.first() == Some(&b'/'),
            None => false,
        }
    }

    /// Its names.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|byte| *byte == b'/').filter(|name| !name.is_empty())
    }

    /// Its bytes, without a slash at either end.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// It as a relative path of the system.
    pub fn as_path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.0))
    }
}

impl fmt::Display for RootPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "/{}", String::from_utf8_lossy(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(text: &str) -> RootPath {
        RootPath::parse(text.as_bytes()).expect("a plain path")
    }

    #[test]
    fn spellings_of_one_path_are_equal() {
        for text in ["usr/bin", "./usr/bin", "usr//bin/", "usr/./bin"] {
            assert_eq!(path(text), path("usr/bin"));
        }
        for text in ["", ".", "./", "././"] {
            assert_eq!(path(text), RootPath::root());
        }
    }

    #[test]
    fn names_that_lead_out_are_refused() {
        for (text, wanted) in [
            ("/etc/passwd", PathError::Absolute),
            ("//etc", PathError::Absolute),
            ("..", PathError::Parent),
            ("../x", PathError::Parent),
            ("a/../../x", PathError::Parent),
            ("a/..", PathError::Parent),
            ("a\0b", PathError::Nul),
            (&"x".repeat(256), PathError::TooLong),
            (&"x/".repeat(3000), PathError::TooLong),
        ] {
            assert_eq!(RootPath::parse(text.as_bytes()), Err(wanted), "{text}");
        }
    }

    #[test]
    fn relations_hold() {
        let shell = path("usr/bin/sh");
        assert_eq!(shell.parent(), Some(path("usr/bin")));
        assert_eq!(shell.name(), b"sh");
        let ancestors: Vec<_> = shell.ancestors().collect();
        assert_eq!(ancestors, [RootPath::root(), path("usr"), path("usr/bin")]);
        assert!(shell.is_below(&path("usr")) && shell.is_below(&RootPath::root()));
        assert!(!path("usrlocal").is_below(&path("usr")) && !shell.is_below(&shell));
        assert_eq!(RootPath::root().parent(), None);
        assert_eq!(path("usr").parent(), Some(RootPath::root()));
    }

    proptest! {
        #[test]
        fn no_accepted_name_leads_out(bytes in "[a./]{0,12}") {
            if let Ok(path) = RootPath::parse(bytes.as_bytes()) {
                prop_assert!(path.names().all(|name| name != b".." && name != b"."));
                prop_assert!(path.as_path().is_relative());
            }
        }
    }
}
