//! The demo without a machine: a disk in a file, and the bits that decide what boots.

use std::path::Path;

use super::folder::Folder;
use super::settings::{self, Settings};
use super::workshop::{HOURS_AGO, MONTH_AGO, Workshop};
use crate::Result;
use crate::error::Error;
use crate::host::{Fleet, Host, NOTHING_TO_DO, json};
use crate::packages::Need;
use crate::release::{self, Release};
use crate::steps::say;

const OLD: &str = "1.0.0";
const NEW: &str = "1.1.0";

/// How many steps there are.
const STEPS: usize = 24;

/// A host that the patch release has reached, with this policy and this start.
const EARLY_SEED: u16 = 40;

/// A host that it has not reached yet.
const LATE_SEED: u16 = 2000;

/// What the summary tells.
struct Facts {
    differing: String,
    fetched: String,
}

/// Runs all steps and tells what happened.
///
/// # Errors
///
/// Fails at the first step that fails.
pub(super) fn tell(folder: &Folder) -> Result<()> {
    let mut workshop = Workshop::new(folder, STEPS);
    workshop.prepare(&[Need::Always])?;
    let pair = workshop.rootfs([OLD, NEW])?;
    let differing = pair.difference();
    let spec = folder.join("image.toml");
    release::write_spec(&spec, release::DEBIAN_INITRAMFS)?;
    let old = workshop.build(&spec, &pair.old.tar, OLD)?;
    let new = workshop.build(&spec, &pair.new.tar, NEW)?;
    let repository = workshop.repository()?;
    workshop.publish(&repository, &old, MONTH_AGO, None)?;
    let migrations = workshop.migrations([OLD, NEW])?;
    workshop.publish(&repository, &new, HOURS_AGO, Some(&migrations))?;
    workshop.check(&repository)?;
    let server = workshop.serve(&repository)?;
    let disk = workshop.disk(&old, None)?;
    let record = workshop.record.clone();
    let fleet =
        Fleet { repository: &repository.folder, url: server.url(), disk: &disk, record: &record };
    let mut story = Story(workshop);
    let mut host = story.check(&fleet, &old)?;
    story.settle(&host)?;
    let fetched = story.install(&host, &new, &disk)?;
    story.flip(&mut host, &new)?;
    story.carry_forward(&host)?;
    story.go_back(&mut host, &old, &disk)?;
    story.carry_back(&mut host, &old)?;
    story.summary(&Facts { differing, fetched });
    Ok(())
}

/// The part of the demo that is about bits.
struct Story<'a>(Workshop<'a>);

impl Story<'_> {
    fn check(&mut self, fleet: &Fleet<'_>, old: &Release) -> Result<Host> {
        let folder = |seed| self.0.folder.join(&format!("host-{seed}"));
        let (late, early) = (folder(LATE_SEED), folder(EARLY_SEED));
        self.0.steps.step(
            &format!("asks for an update as the host of seed {LATE_SEED}"),
            || {
                let said = fleet.host(&late, LATE_SEED, old)?.updog(&["check-update"])?;
                if said.code != NOTHING_TO_DO {
                    return Err(Error::Untrue(format!("seed {LATE_SEED} has its turn already")));
                }
                let reason = said.stdout.lines().find(|line| line.contains("reaches seed"));
                Ok(((), format!("not yet: {}", reason.unwrap_or_default().trim())))
            },
        )?;
        self.0.steps.step(&format!("asks for an update as the host of seed {EARLY_SEED}"), || {
            let host = fleet.host(&early, EARLY_SEED, old)?;
            let update = json(&host.updog(&["--json", "check-update"])?)?;
            if update["version"] != NEW {
                return Err(Error::Untrue(format!("seed {EARLY_SEED} is not offered {NEW}")));
            }
            Ok((host, format!("{OLD} -> {NEW}")))
        })
    }

    /// The host has settings, as an installer leaves them.
    fn settle(&mut self, host: &Host) -> Result<()> {
        let (store, record) = (host.datastore(), self.0.record.clone());
        let settings = Settings { store: &store, record: &record };
        self.settings(&format!("gives the host settings of {OLD}"), || {
            settings.install()?;
            settings.are(&settings::OLD, settings::OLD.len())
        })
    }

    /// The new release's boot has new names for them.
    fn carry_forward(&mut self, host: &Host) -> Result<()> {
        let (store, record) = (host.datastore(), self.0.record.clone());
        let settings = Settings { store: &store, record: &record };
        self.settings(&format!("carries the settings to {NEW}, as its boot does"), || {
            host.migrator()?;
            settings.are(&settings::NEW, settings::NEW.len())
        })
    }

    /// The old release's boot has its own settings again, and what was changed meanwhile is told.
    fn carry_back(&mut self, host: &mut Host, old: &Release) -> Result<()> {
        let (store, record) = (host.datastore(), self.0.record.clone());
        let settings = Settings { store: &store, record: &record };
        host.runs(old, 'A')?;
        self.settings(&format!("carries them back to {OLD}, after one was changed"), || {
            settings.change()?;
            host.migrator()?;
            let told = host.changed_meanwhile()?;
            if !told.contains(settings::DIFFERENCE) {
                return Err(Error::Untrue(format!("what was changed is not told: {told}")));
            }
            let lines = settings.are(&settings::OLD, settings::OLD.len())?;
            Ok(lines.into_iter().chain(told.lines().map(str::to_owned)).collect())
        })
    }

    /// A step that shows the settings.
    fn settings(&mut self, what: &str, body: impl FnOnce() -> Result<Vec<String>>) -> Result<()> {
        let lines = self.0.steps.step(what, || Ok((body()?, String::new())))?;
        Workshop::show(lines.iter().map(String::as_str));
        Ok(())
    }

    /// Gives how many bytes were fetched.
    fn install(&mut self, host: &Host, new: &Release, disk: &Path) -> Result<String> {
        let fetched =
            self.0.steps.step(&format!("writes {NEW} to set B and reads it back"), || {
                let image = json(&host.updog(&["--json", "--quiet", "update-image"])?)?;
                let fetched = image["fetched_bytes"].as_u64().unwrap_or_default();
                let fetched = cli::ByteCount(fetched).to_string();
                host.boots_next('A')?;
                Ok((fetched.clone(), format!("fetched {fetched}; A boots next still")))
            })?;
        self.0.looks(new, disk, 'B')?;
        Ok(fetched)
    }

    fn flip(&mut self, host: &mut Host, new: &Release) -> Result<()> {
        self.0.steps.step("flips", || {
            host.updog(&["update-apply"])?;
            host.boots_next('B')?;
            Ok(((), "B boots next, with one try".to_owned()))
        })?;
        self.show(host)?;
        self.0.steps.step(&format!("counts as restarted into {NEW}, and is marked good"), || {
            host.runs(new, 'B')?;
            host.signpost(&["mark-successful-boot"])?;
            host.boots_next('B')?;
            Ok(((), "B boots from now on".to_owned()))
        })
    }

    fn go_back(&mut self, host: &mut Host, old: &Release, disk: &Path) -> Result<()> {
        self.0.steps.step("rolls back", || {
            host.updog(&["rollback"])?;
            host.boots_next('A')?;
            old.is_in(disk, 'A')?;
            Ok(((), format!("A boots next, and holds {OLD} as before")))
        })?;
        self.show(host)
    }

    /// Shows what a person sees.
    fn show(&mut self, host: &Host) -> Result<()> {
        let status = self.0.steps.step("signpost status", || {
            let status = host.signpost(&["status"])?.stdout;
            Ok((status, String::new()))
        })?;
        // What follows is where each partition lies.
        Workshop::show(status.lines().take_while(|line| !line.starts_with("efi ")));
        Ok(())
    }

    fn summary(&self, facts: &Facts) {
        let Facts { differing, fetched } = facts;
        let kept = self.0.folder.kept();
        let (count, elapsed) = (self.0.steps.count(), self.0.steps.elapsed());
        say(&format!(
            "\nWhat happened\n\
             \x20 Two releases of a Debian system were built from packages, signed and published. Of {differing}.\n\
             \x20 A host that ran {OLD} from set A of its disk asked whether its turn had come, fetched\n\
             \x20 {fetched} over HTTP, wrote {NEW} to set B, read it back and checked every block. Only\n\
             \x20 then was set B made to boot next. Set A was never touched, so going back took one\n\
             \x20 command and no network.\n\
             \x20 Between both one setting is renamed and another split. What a boot runs carried them to\n\
             \x20 the new names, and back to the old ones.\n\
             \x20 Nothing took root rights, beyond installing packages. Nothing was started: these are the\n\
             \x20 bits that decide what boots. `cargo xtask demo` starts a machine that reads them.\n\n\
             {kept}\n\
             {count} steps in {elapsed}\n"
        ));
    }
}
