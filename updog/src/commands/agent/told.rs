//! What is new is told once: to the journal, to systemd, and to whoever looks for `/run/reboot-required`.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use semver::Version;
use tempfile::NamedTempFile;

use super::Agent;
use super::gather::Gathered;
use crate::agent::next::{Next, Wait};
use crate::agent::record::{Kind, PutOff, Told};
use crate::agent::state::{State, Waiting};
use crate::commands::seen;
use crate::seen::StateName;
use crate::seen::journal::Event;
use crate::seen::metrics;

/// Name of the list of packages that ask for the restart, beside the sign itself (Debian's convention).
const PACKAGES: &str = "reboot-required.pkgs";

/// Tells of a state that was not told yet, and of what a restart waits for. The record remembers what was told.
pub(super) fn tell(agent: &Agent, gathered: &mut Gathered, waits: &[Wait]) {
    let state = gathered.facts.state();
    // A restart that was asked for waits for nothing but its time.
    let may_wait = matches!(state, State::Waiting(_));
    let holds = waits.iter().filter(|wait| may_wait && wait.step == Kind::Restart);
    let holds: Vec<&Wait> = holds.collect();
    let now = Told {
        state: state.name().to_string(),
        version: state.version().cloned(),
        waits: holds.iter().map(|wait| wait.code.to_owned()).collect(),
    };
    let before = gathered.record.told.replace(now.clone());
    if before.as_ref() == Some(&now) {
        return;
    }
    let held = StateName::Held.as_str();
    let resumed = before.as_ref().is_some_and(|before| before.state == held) && now.state != held;
    if resumed {
        agent.journal.tell(&Event::Resumed);
    }
    // What it was held in was told before.
    let same = resumed || before.as_ref().is_some_and(|before| before.is_about(&now));
    of_state(gathered, &state).filter(|_| !same).into_iter().for_each(|event| {
        agent.journal.tell(&event);
    });
    if let (Some(wait), Some(version)) = (holds.first(), state.version()) {
        agent.journal.tell(&of_wait(wait, version, gathered.record.put_off.as_ref()));
    }
}

fn of_state(gathered: &Gathered, state: &State) -> Option<Event> {
    let (from, set) = (gathered.host.version.clone(), gathered.active.other());
    match state.clone() {
        State::Waiting(Waiting::Available(version)) => {
            Some(Event::UpdateAvailable { from, version })
        }
        State::Waiting(Waiting::Staged(version)) => {
            Some(Event::UpdateStaged { from, version, set })
        }
        State::Waiting(Waiting::Ready(version)) => Some(Event::UpdateReady { from, version, set }),
        State::Held(_) => {
            let hold = gathered.orders.hold.as_ref();
            let until = hold.and_then(|hold| hold.until);
            let reason = hold.and_then(|hold| hold.why.clone());
            let reason = reason.unwrap_or_else(|| "an operator".to_owned());
            Some(Event::Held { reason, until })
        }
        // The steps themselves tell of the others.
        _ => None,
    }
}

/// Tells that a hook is not asked any more.
pub(super) fn overruled(agent: &Agent, version: &Version, put_off: &PutOff) {
    let (version, hook) = (version.clone(), put_off.hook.clone());
    agent.journal.tell(&Event::HookOverruled { version, hook });
}

fn of_wait(wait: &Wait, version: &Version, put_off: Option<&PutOff>) -> Event {
    let version = version.clone();
    match put_off.filter(|_| wait.code == "hook") {
        Some(PutOff { hook, why, .. }) => {
            Event::HookDelays { version, hook: hook.clone(), reason: why.clone() }
        }
        None => Event::RestartWaits { version, reason: wait.code.to_owned(), until: wait.until },
    }
}

/// Shows where the host is, to whoever looks.
pub(super) fn show(agent: &Agent, gathered: &Gathered, next: &Next) {
    let state = gathered.facts.state();
    let waits: Vec<&str> = next.waits.iter().map(|wait| wait.reason.as_str()).collect();
    agent.notify.status(&format!("{state}; {}", waits.join("; ")));
    let settings = &agent.context.settings.agent;
    let ready = match &state {
        State::Waiting(Waiting::Ready(version)) | State::Held(Waiting::Ready(version)) => {
            Some(version)
        }
        _ => None,
    };
    if let Err(error) = reboot_required(&settings.reboot_required, ready) {
        let path = settings.reboot_required.display();
        agent.context.output.note(format_args!("warning: cannot keep {path} right: {error}"));
    }
    if let Some(folder) = &settings.metrics_dir {
        let now = chrono::Utc::now();
        let snapshot = seen::snapshot(&agent.context, now);
        if let Err(error) = metrics::write_textfile(folder, &metrics::render(&snapshot)) {
            agent.context.output.note(format_args!("warning: cannot write metrics: {error}"));
        }
    }
}

/// The sign is there while an update waits for the restart, whoever restarts. One that others have put there stays.
fn reboot_required(path: &Path, ready: Option<&Version>) -> io::Result<()> {
    let list = path.with_file_name(PACKAGES);
    let ours = |line: &str| line == "waystone" || line.starts_with("waystone ");
    let others = fs::read_to_string(&list).unwrap_or_default();
    let is_ours = others.lines().any(ours);
    // The list says whose the sign is: it comes first, and goes last.
    match ready {
        Some(version) => {
            if !is_ours {
                write_for_all(&list, &format!("{others}waystone {version}\n"))?;
            }
            match path.exists() {
                true => Ok(()),
                false => write_for_all(path, "*** System restart required ***\n"),
            }
        }
        None if is_ours => {
            let left: Vec<&str> = others.lines().filter(|line| !ours(line)).collect();
            if left.is_empty() {
                remove(path)?;
                return remove(&list);
            }
            write_for_all(&list, &format!("{}\n", left.join("\n")))
        }
        None => Ok(()),
    }
}

/// Puts a text there in one step, for everybody to read: whoever greets people at their login is not root.
fn write_for_all(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(Permissions::from_mode(0o644))?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_sign_is_there_as_long_as_somebody_needs_it() {
        let folder = tempfile::tempdir().unwrap();
        let sign = folder.path().join("reboot-required");
        let list = folder.path().join(PACKAGES);
        let version = Version::new(1, 1, 0);
        reboot_required(&sign, None).unwrap();
        assert!(!sign.exists());
        reboot_required(&sign, Some(&version)).unwrap();
        reboot_required(&sign, Some(&version)).unwrap();
        assert_eq!(fs::read_to_string(&list).unwrap(), "waystone 1.1.0\n");
        fs::write(&list, "linux-base\nwaystone 1.1.0\n").unwrap();
        reboot_required(&sign, None).unwrap();
        assert!(sign.exists());
        assert_eq!(fs::read_to_string(&list).unwrap(), "linux-base\n");
        fs::write(&list, "waystone 1.1.0\n").unwrap();
        reboot_required(&sign, None).unwrap();
        assert!(!sign.exists() && !list.exists());
    }
}
