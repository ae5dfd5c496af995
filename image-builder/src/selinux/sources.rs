//! The files that say which labels there are: file contexts, what belongs to them, and the configuration of SELinux.

use std::fs;
use std::io::ErrorKind;

use ring::digest::{Context, SHA256};

use super::SelinuxError;
use super::contexts::{Companion, FileContexts};
use super::line::LineError;
use crate::error::FileError;
use crate::rootfs::{LookupError, OsRelease, Tree};
use crate::spec::{FileRef, Spec};

/// What was read.
pub(super) struct Sources {
    pub(super) contexts: FileContexts,
    /// SHA-256 of all file contexts that were read, in hexadecimal.
    pub(super) sha256: String,
    /// `/etc/selinux/config`, whose lines are like those of os-release; empty if there is none.
    pub(super) config: OsRelease,
}

impl Sources {
    pub(super) fn read(spec: &Spec, tree: &Tree, file: &FileRef) -> Result<Self, SelinuxError> {
        let file = found(tree, file)?;
        let mut digest = Context::new(&SHA256);
        let mut contexts = FileContexts::default();
        let text = read(spec, tree, &file)?.ok_or_else(|| SelinuxError::Missing(file.clone()))?;
        digest.update(text.as_bytes());
        contexts.add_lines(&text).map_err(|error| in_line(&file, error))?;
        for companion in Companion::ALL {
            let beside = beside(&file, companion.suffix());
            let Some(text) = read(spec, tree, &beside)? else { continue };
            digest.update(text.as_bytes());
            let added = contexts.add_companion(companion, &text);
            added.map_err(|error| in_line(&beside, error))?;
        }
        let config = read(spec, tree, &FileRef::Rootfs("etc/selinux/config".to_owned()))?;
        let config = OsRelease::new(config.unwrap_or_default().as_bytes());
        Ok(Self { contexts, sha256: hex::encode(digest.finish()), config })
    }
}

/// The file that a pattern stands for.
fn found(tree: &Tree, file: &FileRef) -> Result<FileRef, SelinuxError> {
    let FileRef::Rootfs(pattern) = file else { return Ok(file.clone()) };
    let (path, _) = tree.find_file(pattern)?;
    let path = String::from_utf8(path.as_bytes().to_vec());
    path.map(FileRef::Rootfs).map_err(|_| SelinuxError::Text(file.clone()))
}

/// The file whose name has something more behind it.
fn beside(file: &FileRef, suffix: &str) -> FileRef {
    match file {
        FileRef::Rootfs(path) => FileRef::Rootfs(format!("{path}{suffix}")),
        FileRef::Host(path) => {
            let mut name = path.clone().into_os_string();
            name.push(suffix);
            FileRef::Host(name.into())
        }
    }
}

/// The text of a file; none if it is not there.
fn read(spec: &Spec, tree: &Tree, file: &FileRef) -> Result<Option<String>, SelinuxError> {
    let bytes = match file {
        FileRef::Rootfs(path) => match tree.find_file(path) {
            Err(LookupError::NotFound(_)) => return Ok(None),
            found => found?.1.read()?,
        },
        FileRef::Host(path) => {
            let path = spec.folder.join(path);
            match fs::read(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                read => read.map_err(|error| FileError::new("read", &path, error))?,
            }
        }
    };
    String::from_utf8(bytes).map(Some).map_err(|_| SelinuxError::Text(file.clone()))
}

fn in_line(file: &FileRef, (number, source): (usize, LineError)) -> SelinuxError {
    SelinuxError::Line { file: file.clone(), number, source }
}
