//! A host's settings, as the files that they are: made as an installer does, changed, told; and whether the boot has carried them.
//!
//! A setting is a word: the file in the store, `=`, and its JSON, as in `settings/host/name="tiny-7"`.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Where they are.
const STORE: &str = "/var/lib/waystone/datastore";

/// How the first run of `migrator` in this boot ended: the boot's own.
const CARRIED: &str = "/run/guest-carried";

/// Takes `VERSION SETTING …`: makes a store of the version with these settings.
///
/// # Errors
///
/// Fails when the order makes no sense, or there is a store already.
pub(crate) fn settle<'a>(mut words: impl Iterator<Item = &'a str>) -> io::Result<()> {
    let version = words.next().ok_or_else(nonsense)?;
    let (minor, _) = version.rsplit_once('.').ok_or_else(nonsense)?;
    let (major, _) = minor.rsplit_once('.').ok_or_else(nonsense)?;
    let store = format!("v{version}_0123456789abcdef");
    let [version, minor, major] = [version, minor, major].map(|level| format!("v{level}"));
    let folder = Path::new(STORE);
    words.try_for_each(|word| write(&folder.join(&store).join("live"), word))?;
    for (link, to) in
        [(&*version, &store), (&minor, &version), (&major, &minor), ("current", &major)]
    {
        symlink(to, folder.join(link))?;
    }
    rustix::fs::sync();
    Ok(())
}

/// Takes `SETTING …`: changes live ones.
///
/// # Errors
///
/// Fails when the order makes no sense, or they cannot be written.
pub(crate) fn set<'a>(mut words: impl Iterator<Item = &'a str>) -> io::Result<()> {
    words.try_for_each(|word| write(&live(), word))
}

/// Tells all that are live, in order.
///
/// # Errors
///
/// Fails when one cannot be read.
pub(crate) fn tell() -> io::Result<()> {
    let mut found = Vec::new();
    collect(&live(), &mut found)?;
    found.sort();
    for path in found {
        let value = fs::read_to_string(&path)?;
        println!("guest: setting {}={value}", path.strip_prefix(live()).unwrap_or(&path).display());
    }
    Ok(())
}

/// Keeps how `migrator` ended, unless it has run before.
///
/// # Errors
///
/// Fails when there is nowhere to keep it.
pub(crate) fn note(code: Option<i32>) -> io::Result<()> {
    if Path::new(CARRIED).exists() {
        return Ok(());
    }
    fs::write(CARRIED, code.map_or("a signal".to_owned(), |code| code.to_string()))
}

/// Whether the boot has carried the settings, or how it failed to.
///
/// # Errors
///
/// Says how `migrator` ended.
pub(crate) fn are_carried() -> Result<(), String> {
    match fs::read_to_string(CARRIED).as_deref() {
        Ok("0") => Ok(()),
        Ok(code) => Err(format!("migrator ended with {code}")),
        Err(_) => Err("migrator did not run".to_owned()),
    }
}

fn write(live: &Path, word: &str) -> io::Result<()> {
    let (name, value) = word.split_once('=').ok_or_else(nonsense)?;
    let path = live.join(name);
    fs::create_dir_all(path.parent().unwrap_or(live))?;
    fs::write(path, value)
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { collect(&path, found)? } else { found.push(path) }
    }
    Ok(())
}

fn live() -> PathBuf {
    Path::new(STORE).join("current/live")
}

fn nonsense() -> io::Error {
    io::Error::other("a version has three numbers, and a setting is NAME=JSON")
}
