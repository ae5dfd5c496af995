//! A boot whose health cannot be looked at: its configuration makes no sense, it does not say which version it is, its disk is not found.
//!
//! A release can come so, and must not stay because of it; nothing is done that would harm a host that is well:
//!
//! * on a machine that the boot selector has not started, and with `--disk`, there is only the error;
//! * a set that was proven before stays up ([`verdict::decide_unseen`]);
//! * what is not known is taken to be the default, but for the watchdog: it is disarmed if the first program was told to arm it, else left alone, since
//!   to open one that cannot be disarmed would start it.

use chrono::{DateTime, Utc};
use handover::Handover;
use semver::Version;
use signpost::Access;
use watchdog::Watchdog;

use super::restarting;
use crate::boots::{Attempt, Cause, Finding};
use crate::commands::{Context, Place, ledger};
use crate::error::{Error, chain};
use crate::health::evidence;
use crate::health::verdict::{self, Verdict};
use crate::host;

/// A boot that cannot be looked at.
struct Unseen<'a> {
    context: &'a Context,
    handover: Handover,
    place: Option<Place>,
    finding: Finding,
    now: DateTime<Utc>,
}

/// Judges a boot that cannot be looked at because of this error, which comes back.
pub(in crate::commands) fn judge(context: &Context, error: Error, now: DateTime<Utc>) -> Error {
    let Some(boot) = Unseen::of(context, &error, now) else { return error };
    let verdict = boot.verdict();
    boot.note(verdict);
    boot.tell(verdict);
    match verdict {
        Verdict::Restart => {
            if let Err(error) = restarting::restart(context, None) {
                context.output.note(format_args!("{}", chain(&error)));
            }
        }
        Verdict::Good | Verdict::StayUp => boot.disarm(),
    }
    error
}

impl<'a> Unseen<'a> {
    /// `None` on a machine that is not to be touched.
    fn of(context: &'a Context, error: &Error, now: DateTime<Utc>) -> Option<Self> {
        let played = context.disk.is_some();
        let handover = evidence::handover(&context.settings.health).ok()?.filter(|_| !played)?;
        let finding = Finding::plain(Cause::could_not_run(&chain(error)));
        Some(Self { context, handover, place: context.place(Access::Read).ok(), finding, now })
    }

    fn verdict(&self) -> Verdict {
        let known = self.place.as_ref().map(|place| (place.disk.sets(), place.active));
        verdict::decide_unseen(&self.handover, known)
    }

    /// Which version runs, from whatever says it.
    fn version(&self, place: &Place) -> Option<Version> {
        let said = host::running(&self.context.settings).map(|host| host.version).ok();
        let built_as = || place.disk.release(place.active)?.version.parse().ok();
        let noted =
            || ledger::last(self.context, place.active, |last: &Attempt| last.version.clone());
        said.or_else(built_as).or_else(noted)
    }

    fn note(&self, verdict: Verdict) {
        let finding = self.finding.clone();
        let known = self.place.as_ref().and_then(|place| Some((place, self.version(place)?)));
        let Some((place, version)) = known else {
            let set = self.handover.set;
            return ledger::note_or_warn(self.context, |ledger| ledger.note_unseen(set, finding));
        };
        let seen = ledger::seen(self.context, place, &version, self.now);
        let proven = seen.sets.bits(place.active).is_some_and(|bits| bits.successful);
        let last = verdict == Verdict::StayUp && !proven;
        ledger::note_or_warn(self.context, |ledger| {
            ledger.note_start(&seen);
            ledger.note_bad(finding, last, self.now);
        });
    }

    fn tell(&self, verdict: Verdict) {
        let (set, cause) = (self.handover.set, &self.finding.cause);
        let then = if verdict == Verdict::Restart { "restart" } else { "the host stays up" };
        self.context.output.note(format_args!("set {set} is not good: {cause}: {then}"));
    }

    fn disarm(&self) {
        let settings = &self.context.settings.health;
        let Some(path) = settings.watchdog.as_deref().filter(|_| evidence::is_armed(settings))
        else {
            return;
        };
        if let Err(error) = Watchdog::open(path).and_then(Watchdog::disarm) {
            let note = self.context.output;
            note.note(format_args!("warning: the watchdog stays armed: {error}"));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use gptprio::SetId;
    use handover::Variable;

    use super::*;
    use crate::boots::{Ledger, file};
    use crate::config::Settings;
    use crate::output::Output;

    const CONFIG: &str = "metadata_base_url = 'http://x/'\ntargets_base_url = 'http://x/'\nseed = 1\n\
        state_dir = 'state'\nos_release_path = 'none'\n[health]\nefivars_dir = '.'\nwatchdog = 'none'\n";

    /// A host whose os-release is not there, and a set B that waits for its first start.
    fn host(folder: &Path, disk: Option<PathBuf>) -> Context {
        let settings = Settings::parse(CONFIG, &folder.join("updog.toml")).unwrap();
        let note = |ledger: &mut Ledger| {
            let attempts = r#"[{"set": "B", "version": "1.1.0", "noted": "2026-01-01T00:00:00Z", "outcome": "waiting"}]"#;
            ledger.attempts = serde_json::from_str(attempts).unwrap();
        };
        file::change(&settings.paths.state, note).unwrap();
        let output = Output { json: false, quiet: true };
        Context { settings, from: None, disk, active: None, output }
    }

    fn handed_over(folder: &Path, successful: &str) {
        let text = format!(
            "\x06\0\0\0set=B\nrule=chosen\npriority=2\ntries=0\nsuccessful={successful}\nspent=no\n\
             counted=yes\ntable=good\nreason=x\n"
        );
        fs::write(folder.join(Variable::BootReason.file_name()), text).unwrap();
    }

    /// The boot, on a machine on which nothing is known but what the selector says.
    fn unseen(context: &Context) -> Option<Unseen<'_>> {
        let error = host::running(&context.settings).unwrap_err().into();
        let boot = Unseen::of(context, &error, DateTime::UNIX_EPOCH)?;
        Some(Unseen { place: None, ..boot })
    }

    #[test]
    fn a_machine_that_the_selector_has_not_started_and_a_played_one_are_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        assert!(unseen(&host(folder.path(), None)).is_none());
        handed_over(folder.path(), "no");
        assert!(unseen(&host(folder.path(), Some("disk.img".into()))).is_none());
    }

    #[test]
    fn an_unproven_set_restarts_and_gives_way_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        handed_over(folder.path(), "no");
        let context = host(folder.path(), None);
        let boot = unseen(&context).unwrap();
        assert_eq!(boot.verdict(), Verdict::Restart);
        boot.note(Verdict::Restart);
        let cause = ledger::last(&context, SetId::B, |last| last.cause.clone()).unwrap().unwrap();
        assert!(cause.as_str().starts_with("health could not run: cannot read "), "{cause}");
    }

    #[test]
    fn a_proven_set_stays_up() {
        let folder = tempfile::tempdir().unwrap();
        handed_over(folder.path(), "yes");
        let context = host(folder.path(), None);
        assert_eq!(unseen(&context).unwrap().verdict(), Verdict::StayUp);
    }
}
