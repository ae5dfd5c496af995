//! Facts that the host itself has.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rustix::fs::{Access, access, statvfs};
use trust::{Expiry, RoleName, Store};

use crate::agent::checked::Checked;
use crate::agent::orders;
use crate::agent::record::Record;
use crate::commands::Context;
use crate::commands::agent::is_running;
use crate::config::{Roots, Settings};
use crate::doctor::Finding;
use crate::doctor::agent::{self, Agent};
use crate::doctor::certificates::{Owner, Validity};
use crate::doctor::folders::Folder;
use crate::doctor::programs::{self, Migrator};
use crate::error::Error;
use crate::health::checks;
use crate::session::read_root;

/// What is known of a folder; of the one above it, if it is yet to be made.
pub(super) fn folder(check: &'static str, path: &Path, needed: u64) -> Folder {
    let there = path.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    let obstacle = match access(there, Access::WRITE_OK | Access::EXEC_OK) {
        _ if !there.is_dir() => Some(format!("{} is no folder", there.display())),
        Err(error) => Some(error.to_string()),
        Ok(()) => None,
    };
    let room = statvfs(there).ok();
    Folder {
        check,
        path: path.to_owned(),
        obstacle,
        free: room.as_ref().map(|room| room.f_bavail.saturating_mul(room.f_frsize)),
        // Some file systems do not count names.
        names_left: room.as_ref().is_none_or(|room| room.f_files == 0 || room.f_favail > 0),
        needed,
    }
}

/// When what the host knows of the repository expires; nothing if it knows nothing that is whole.
pub(super) fn stored(settings: &Settings) -> Option<Vec<(RoleName, DateTime<Utc>)>> {
    let root = read_root(&settings.paths.root).ok()?;
    let store = Store::open_shared(&settings.paths.metadata_cache).ok()?;
    Some(trust::offline(&store, &root, Expiry::AsOfSigning).ok()?.expiries())
}

/// The authorities that are trusted in place of the system's. A bundle that cannot be used is told by whoever asks servers.
pub(super) fn authorities(settings: &Settings) -> Vec<(Owner, Option<Validity>)> {
    let Ok(Roots::Only(roots)) = settings.network.roots() else { return Vec::new() };
    let all = (1..).zip(&roots);
    all.map(|(place, root)| (Owner::Authority(place), Validity::of(root))).collect()
}

/// Who updates the host.
pub(super) fn agent(context: &Context, now: DateTime<Utc>) -> Vec<Finding> {
    let (settings, state) = (&context.settings.agent, &context.settings.paths.state);
    let orders = match orders::read(state) {
        Ok(orders) => orders,
        Err(error) => return vec![Finding::of_error("agent", &Error::from(error))],
    };
    let record = match Record::read(state) {
        Ok(record) => record,
        Err(error) => return vec![Finding::of_error("agent", &Error::from(error))],
    };
    let seen = Checked::read(state).map(|checked| checked.at);
    agent::judge(&Agent {
        running: is_running(context),
        looks: seen.is_some_and(|at| now - at <= settings.longest),
        policies: settings.policies,
        opening: &settings.calendar.at(now),
        hold: orders.hold_now(now),
        setbacks: &record.setbacks,
    })
}

/// Programs and devices.
pub(super) fn programs(settings: &Settings) -> Vec<Finding> {
    let Settings { health, migrations, .. } = settings;
    let store = migrations.datastore.join("current");
    let mut findings = vec![programs::migrator(&Migrator {
        store: fs::symlink_metadata(store).is_ok(),
        program: &migrations.program,
        runs: is_program(&migrations.program),
        rehearse: migrations.rehearse,
    })];
    findings.extend(match checks::list(&health.checks_dirs) {
        Ok(checks) => {
            let unusable = |path: &&PathBuf| !is_program(path);
            let unusable: Vec<_> = checks.values().filter(unusable).cloned().collect();
            programs::health(checks.len(), &unusable)
        }
        Err((folder, _)) => programs::health(0, &[folder.to_owned()]),
    });
    let device = health.watchdog.as_deref();
    findings.push(programs::watchdog(device, device.is_some_and(Path::exists)));
    findings
}

fn is_program(path: &Path) -> bool {
    let can_run = |it: fs::Metadata| it.is_file() && it.permissions().mode() & 0o111 != 0;
    fs::metadata(path).is_ok_and(can_run)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_yet_to_be_made_has_the_room_of_the_one_above() {
        let top = tempfile::tempdir().unwrap();
        let folder_of = |name: &str| folder("state", &top.path().join(name), 7);
        let missing = folder_of("a/b");
        assert_eq!((missing.obstacle, missing.needed), (None, 7));
        assert!(missing.free.is_some_and(|free| free > 0));
        assert!(!top.path().join("a").exists(), "nothing was made");
        fs::write(top.path().join("file"), "").unwrap();
        assert!(folder_of("file/b").obstacle.is_some_and(|text| text.contains("is no folder")));
    }

    #[test]
    fn a_program_is_a_file_that_can_be_run() {
        let top = tempfile::tempdir().unwrap();
        let path = top.path().join("program");
        assert!(!is_program(&path) && !is_program(top.path()));
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(!is_program(&path));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(is_program(&path));
    }
}
