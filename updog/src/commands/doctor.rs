//! `doctor`: looks at everything that the next update needs, and says what would keep it from working. Changes nothing.
//!
//! Here the facts are gathered; [`crate::doctor`] judges them. What cannot be looked at is a finding, too, and keeps nobody from
//! looking at the rest. The network has a limit of time for each mirror and one for all of them.

mod local;
mod online;

use std::fs;
use std::mem;

use chrono::{DateTime, Utc};
use cli::Outcome;
use signpost::{Access, Disk, Side};

use super::{Context, Place, ledger};
use crate::args::DoctorArguments;
use crate::boots::file;
use crate::config::{ConfigError, SeedChoice, Settings};
use crate::doctor::certificates::{self, Owner, Validity};
use crate::doctor::clock::{self, Clock};
use crate::doctor::expiry::{self, Held};
use crate::doctor::{Finding, Report, boots, disk, folders, mirrors};
use crate::error::Error;
use crate::host::{self, Running};
use crate::seed;
use crate::session::{built, read_root};
use crate::staged::Staged;
use online::Online;

pub(super) fn run(
    context: &Context,
    arguments: &DoctorArguments,
    configuration: Option<ConfigError>,
    now: DateTime<Utc>,
) -> Result<Outcome, Error> {
    // Without a configuration there is no repository to ask.
    let offline = arguments.offline || configuration.is_some();
    let mut look = Look { context, now, findings: Vec::new() };
    look.add(match configuration {
        None => Finding::ok("configuration", "it is valid"),
        Some(problem) => Finding::of_error("configuration", &Error::from(problem)),
    });
    look.all(offline);
    let report = Report::new(look.findings);
    context.output.show(&report)?;
    match report.problems {
        0 => Ok(Outcome::Done),
        count => Err(Error::Problems { count }),
    }
}

/// One look at the host.
struct Look<'a> {
    context: &'a Context,
    now: DateTime<Utc>,
    findings: Vec<Finding>,
}

impl Look<'_> {
    fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// In the order in which one depends on the other.
    fn all(&mut self, offline: bool) {
        let settings = &self.context.settings;
        let running = self.good("os-release", host::running(settings).map_err(Error::from));
        let place = self.good("disk", self.context.place(Access::Read));
        place.iter().for_each(|place| self.disk(place));
        let root = self.good("root", read_root(&settings.paths.root));
        self.seed();
        self.records(place.as_ref(), running.as_ref());
        let online = match root {
            Some(root) if !offline => Some(Online::ask(self.context, &root, self.now)),
            _ => None,
        };
        let server = online.as_ref().and_then(|online| online.server);
        let built = built(&settings.paths.root);
        self.add(clock::judge(&Clock { now: self.now, built, server }));
        let needed = self.repository(online, place.as_ref(), running.as_ref());
        self.folders(needed);
        self.findings.extend(local::programs(settings));
        self.findings.extend(local::agent(self.context, self.now));
    }

    /// A value, or the finding that it cannot be had.
    fn good<T>(&mut self, check: &'static str, value: Result<T, Error>) -> Option<T> {
        value.map_err(|error| self.add(Finding::of_error(check, &error))).ok()
    }

    fn disk(&mut self, place: &Place) {
        let Place { disk: device, active } = place;
        let state = device.state(*active);
        self.add(Finding::ok("disk", format!("{} holds the sets", device.path().display())));
        self.findings.extend(disk::table(&copies(device)));
        self.add(disk::sets(state, self.context.settings.tries));
        self.add(disk::running(state));
        self.add(disk::next_boot(state));
    }

    fn seed(&mut self) {
        let Settings { seed, paths, .. } = &self.context.settings;
        let known = match seed {
            SeedChoice::Fixed(seed) => Ok(Some(*seed)),
            SeedChoice::Own => seed::read(&paths.state),
        };
        self.add(match known {
            Ok(Some(seed)) => Finding::ok("seed", format!("this host's seed is {seed}")),
            Ok(None) => Finding::ok("seed", "this host's seed is made when it first chooses"),
            Err(error) => Finding::of_error("seed", &Error::from(host::HostError::from(error))),
        });
    }

    /// The ledger, as it is or will be once this boot is noted, and the record of what is staged.
    fn records(&mut self, place: Option<&Place>, running: Option<&Running>) {
        let state = &self.context.settings.paths.state;
        let known = match (place, running) {
            (Some(place), Some(running)) => {
                ledger::known(self.context, place, &running.version, self.now)
            }
            _ => file::read(state).map_err(Error::from),
        };
        if let Some(ledger) = self.good("ledger", known) {
            self.findings.extend(boots::judge(&ledger));
        }
        self.good("staged", Staged::read(state).map_err(Error::from));
    }

    /// What the repository says; how many bytes the newest release keeps for the next boot.
    fn repository(
        &mut self,
        online: Option<Online>,
        place: Option<&Place>,
        running: Option<&Running>,
    ) -> u64 {
        let Some(mut online) = online else {
            self.certificates(Vec::new());
            self.stored();
            return 0;
        };
        self.findings.extend(mirrors::judge(&online.asked));
        self.certificates(mem::take(&mut online.certificates));
        self.findings.extend(online.trouble);
        let Some(seen) = online.seen else {
            self.stored();
            return 0;
        };
        let expiries = seen.repository.expiries();
        self.findings.extend(expiry::judge(&expiries, Held::Repository, self.now));
        let (Some(place), Some(running)) = (place, running) else { return 0 };
        let Some(manifest) = self.good("release", seen.manifest) else { return 0 };
        let (newest, needed) = online::newest(&manifest, &seen.repository, place, running);
        self.add(disk::newest(newest.as_ref(), place.active.other()));
        needed
    }

    /// How long certificates last, with those of the authorities that are trusted.
    fn certificates(&mut self, servers: Vec<(Owner, Option<Validity>)>) {
        let authorities = local::authorities(&self.context.settings);
        self.findings.extend(certificates::judge(&[servers, authorities].concat(), self.now));
    }

    /// How long what the host knows already lasts, if it knows anything.
    fn stored(&mut self) {
        if let Some(expiries) = local::stored(&self.context.settings) {
            self.findings.extend(expiry::judge(&expiries, Held::Host, self.now));
        }
    }

    fn folders(&mut self, needed: u64) {
        let Settings { paths, migrations, .. } = &self.context.settings;
        let mut look = |check, path, needed| {
            self.findings.push(folders::judge(&local::folder(check, path, needed)));
        };
        look("state", &paths.state, 0);
        look("metadata", &paths.metadata_cache, 0);
        look("migrations", &paths.migrations, needed);
        if fs::symlink_metadata(&migrations.datastore).is_ok() {
            look("datastore", &migrations.datastore, 0);
        }
    }
}

fn copies(disk: &Disk) -> [disk::Copy; 2] {
    let copy = |name, side| {
        let condition = disk.condition(side);
        let defect =
            (!matches!(condition, signpost::Condition::Good)).then(|| condition.to_string());
        disk::Copy { name, defect }
    };
    [copy("primary", Side::Primary), copy("backup", Side::Backup)]
}
