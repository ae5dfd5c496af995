//! Whether packs are what the manifest says of them, as far as their heads tell.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use ::manifest::{Manifest, Pack, Update};
use pack::{HEAD_BYTES, HEAD_OFFSET, Head};
use trust::{Sha256, Target};

use super::Report;
use super::metadata::Known;
use crate::files::reading;
use crate::release::same_hosts;
use crate::{Layout, Result};

const AGAIN: &str = "publish the release again with --replace";

/// Reads the heads of a release's packs.
pub(super) fn check(
    layout: &Layout,
    manifest: &Manifest,
    update: &Update,
    known: &Known,
    report: &mut Report,
) -> Result<()> {
    for pack in &update.packs {
        let label = update.label();
        let Some(target) = known.target(&pack.target) else {
            let what = format!("release {label} names {}, which is no target", pack.target);
            report.error(what, AGAIN);
            continue;
        };
        let path = layout.targets().join(target.path());
        if let Some(wrong) = wrong(&path, &target, pack, update)? {
            report.error(format!("pack {target} of {label} {wrong}"), AGAIN);
        }
        check_old(manifest, update, pack, report);
    }
    Ok(())
}

/// What is wrong with a pack; not, that it is missing or of another length, which was said already.
fn wrong(path: &Path, target: &Target, pack: &Pack, update: &Update) -> Result<Option<String>> {
    let Some(contents) = &update.contents else {
        return Ok(Some("is of no use: the manifest does not say what the images hold".into()));
    };
    let Some((start, head)) = read(path, target, pack).map_err(reading(path))? else {
        return Ok(None);
    };
    if Sha256::of(&head) != Sha256::from(*pack.head.sha256.as_bytes()) {
        return Ok(Some("has another head than the manifest says".into()));
    }
    let head = match Head::check_start(&start).and_then(|()| Head::parse(&head)) {
        Ok(head) => head,
        Err(error) => return Ok(Some(format!("cannot be read: {error}"))),
    };
    Ok(if head.pack_len() != target.length() {
        Some(format!("has {} bytes where its head says {}", target.length(), head.pack_len()))
    } else if head.old().root_hash != *pack.from_root_hash.as_bytes() {
        Some("comes from another root hash than the manifest says".into())
    } else if head.new_release().root_hash != *contents.root_hash.as_bytes() {
        Some("leads to another root hash than the release has".into())
    } else {
        None
    })
}

/// The first bytes of a pack and its head; nothing if there is no file of the target's length.
fn read(path: &Path, target: &Target, pack: &Pack) -> io::Result<Option<([u8; 12], Vec<u8>)>> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut start = [0; 12];
    if file.metadata()?.len() != target.length() || target.length() < HEAD_OFFSET {
        return Ok(None);
    }
    file.read_exact(&mut start)?;
    let limit = u64::try_from(HEAD_BYTES).unwrap_or(u64::MAX);
    let mut head = Vec::new();
    file.take(pack.head.length.min(limit)).read_to_end(&mut head)?;
    Ok(Some((start, head)))
}

/// A pack from a release that was replaced serves those who took it before.
fn check_old(manifest: &Manifest, update: &Update, pack: &Pack, report: &mut Report) {
    let is_old = |old: &&Update| same_hosts(old, update) && old.version == pack.from;
    let old = manifest.updates.iter().find(is_old);
    let contents = old.and_then(|old| old.contents.as_ref());
    if contents.is_none_or(|contents| contents.root_hash != pack.from_root_hash) {
        let what = format!(
            "pack {} of {} comes from a release {} that is not the one in the manifest",
            pack.target,
            update.label(),
            pack.from
        );
        report.warning(what, "if no host has that release any more, add this one again");
    }
}
