//! The demo with a machine: it boots, updates itself, gets a bad release, and comes back.
//!
//! What the machine does is seen on its console, and what it did on its disk, with programs that are not ours. Whatever is
//! expected and does not come is a failure.

use std::path::{Path, PathBuf};

use cli::ByteCount;

use super::broken::Broken;
use super::folder::Folder;
use super::guest::{Boot, Guest};
use super::host_files::HostFiles;
use super::migrations::Migrations;
use super::settings;
use super::workshop::{HOURS_AGO, MONTH_AGO, Pace, Repository, Workshop};
use crate::Result;
use crate::command::Run;
use crate::packages::Need;
use crate::release::{self, Release};
use crate::server::Server;
use crate::steps::say;
use crate::{place, selector};

const OLD: &str = "1.0.0";
const NEW: &str = "1.1.0";
const BAD: &str = "1.2.0";

/// Seconds after which a start is ended that never gets as far as its health checks; they take over then.
const WATCHDOG: u32 = 180;

/// How many steps there are.
const STEPS: usize = 25;

/// The releases, in the order in which they are published.
struct Releases {
    old: Release,
    new: Release,
    bad: Release,
}

/// Runs all steps and tells what happened.
///
/// # Errors
///
/// Fails at the first step that fails.
pub(super) fn tell(folder: &Folder, broken: Broken) -> Result<()> {
    let mut workshop = Workshop::new(folder, STEPS);
    workshop.prepare(&[Need::Always, Need::Machine])?;
    let first = workshop.boot_programs()?;
    let repository = workshop.repository()?;
    let releases = workshop.releases(&first, &repository, broken)?;
    workshop.publish(&repository, &releases.old, MONTH_AGO, None)?;
    let migrations = workshop.migrations([OLD, NEW])?;
    workshop.publish(&repository, &releases.new, HOURS_AGO, Some(&migrations))?;
    workshop.check(&repository)?;
    let server = workshop.serve(&repository)?;
    let disk = workshop.disk(&releases.old, Some(&selector::program()))?;
    let mut story = Story::new(workshop, &disk, &server, broken)?;
    story.update(&releases.new)?;
    story.roll_back()?;
    story.go_forward()?;
    story.publish_bad(&repository, &releases.bad)?;
    story.update_to_bad(&releases.bad)?;
    story.fail()?;
    story.come_back(&releases)?;
    story.summary();
    Ok(())
}

impl Workshop<'_> {
    /// The boot selector, and the first program of an initial RAM filesystem; gives where that is.
    fn boot_programs(&mut self) -> Result<PathBuf> {
        self.steps.step("builds what runs before the root is there", || {
            selector::build()?;
            Run::cargo().args(["initramfs", "--locked"]).run()?;
            let program = place::target().join("x86_64-unknown-linux-gnu/initramfs/initramfs");
            let [selector, first] =
                [&selector::program(), &program].map(|path| place::length(path).map(ByteCount));
            Ok((program, format!("boot selector {}, first program {}", selector?, first?)))
        })
    }

    /// Three releases of a host; the third is the second with something wrong.
    fn releases(
        &mut self,
        first_program: &Path,
        repository: &Repository,
        broken: Broken,
    ) -> Result<Releases> {
        let (pair, record) = (self.rootfs([OLD, NEW])?, self.record.clone());
        let bad = self.folder.join(&format!("rootfs/{BAD}.tar"));
        let files = self.folder.join("host-files");
        self.steps.step("adds our programs, their units and the trusted root to both", || {
            let files = HostFiles::gather(&files, &repository.folder, &record)?;
            files.add_to_first(&pair.old.tar)?;
            files.add_to(&pair.new.tar)?;
            files.variant(&pair.new.tar, broken.files().as_deref(), &bad)?;
            Ok(((), format!("{BAD} is {NEW}, but {}", broken.told())))
        })?;
        let spec = self.folder.join("image.toml");
        release::write_spec(&spec, &started_by(first_program))?;
        Ok(Releases {
            old: self.build(&spec, &pair.old.tar, OLD)?,
            new: self.build(&spec, &pair.new.tar, NEW)?,
            bad: self.build(&spec, &bad, BAD)?,
        })
    }
}

/// Lines of a spec: what the kernel is told, and what it starts.
fn started_by(first_program: &Path) -> String {
    format!(
        "command_line = \"console=ttyS0 waystone.watchdog={WATCHDOG}\"\n\
         [initramfs]\nprogram = \"host:{}\"\nmodules = [\"efi_pstore\"]\n",
        first_program.display()
    )
}

/// The part of the demo that happens in the machine.
struct Story<'a> {
    workshop: Workshop<'a>,
    guest: Guest,
    disk: PathBuf,
    broken: Broken,
}

impl<'a> Story<'a> {
    fn new(workshop: Workshop<'a>, disk: &Path, server: &Server, broken: Broken) -> Result<Self> {
        let consoles = workshop.folder.join("consoles");
        place::make_folder(&consoles)?;
        let guest = Guest::new(&consoles, disk, server.port()?);
        Ok(Self { workshop, guest, disk: disk.to_owned(), broken })
    }

    /// Set A starts, is good, and installs the next release in set B.
    fn update(&mut self, new: &Release) -> Result<()> {
        self.boot(
            &format!("starts the machine, which updates itself from {OLD} to {NEW}"),
            &Boot {
                name: "1-old",
                orders: &[
                    "updog status",
                    settings::SHOW,
                    "updog check-update",
                    "updog update --reboot",
                ],
                expected: [
                    vec![
                        "waystone: starting set A".to_owned(),
                        "waystone: set A: root is".to_owned(),
                        good(OLD, 'A'),
                        format!("running demo {OLD} from set A"),
                    ],
                    shown(&settings::OLD),
                    vec![format!("{OLD} -> {NEW}"), "updog update --reboot".to_owned()],
                ]
                .concat(),
            },
        )?;
        self.workshop.looks(new, &self.disk, 'B')
    }

    /// Set B starts with the settings under their new names; somebody changes one, and goes back.
    fn roll_back(&mut self) -> Result<()> {
        self.boot(
            &format!("restarts into {NEW}, which has new names for the settings, and goes back"),
            &Boot {
                name: "2-new",
                orders: &[
                    settings::SHOW,
                    settings::NO_OLD_NAME,
                    settings::CHANGE,
                    "updog rollback --reboot",
                ],
                expected: [
                    vec![
                        "waystone: starting set B".to_owned(),
                        format!("the settings go forward from {OLD} to {NEW}"),
                        good(NEW, 'B'),
                    ],
                    shown(&settings::NEW),
                    vec!["updog rollback --reboot".to_owned()],
                ]
                .concat(),
            },
        )
    }

    /// Set A starts with the settings under their old names, and goes forward again.
    fn go_forward(&mut self) -> Result<()> {
        self.boot(
            &format!("is {OLD} again with its settings, and goes forward"),
            &Boot {
                name: "3-old",
                orders: &[
                    "updog status",
                    settings::SHOW,
                    settings::DIFF,
                    "updog rollback --reboot",
                ],
                expected: [
                    vec![
                        "waystone: starting set A".to_owned(),
                        good(OLD, 'A'),
                        format!("running demo {OLD} from set A"),
                    ],
                    shown(&settings::OLD),
                    vec![settings::DIFFERENCE.to_owned(), "updog rollback --reboot".to_owned()],
                ]
                .concat(),
            },
        )
    }

    /// The bad release is there for everyone.
    fn publish_bad(&mut self, repository: &Repository, bad: &Release) -> Result<()> {
        let folder = self.workshop.folder.join("migrations-bad");
        let migrations = match self.broken.migrations() {
            Some(folder) => Migrations::at(folder),
            None => Migrations::none(&folder, [NEW, BAD])?,
        };
        self.workshop.publish(repository, bad, Pace::AtOnce, Some(&migrations))
    }

    /// Set B starts, is good, and installs the bad release in set A.
    fn update_to_bad(&mut self, bad: &Release) -> Result<()> {
        self.boot(
            &format!("restarts into {NEW}, which is good, and takes {BAD}"),
            &Boot {
                name: "4-new",
                // As a unit this time, in its sandbox.
                orders: &[
                    "updog status",
                    "updog check-update",
                    "systemctl start updog-update",
                    "systemctl reboot",
                ],
                expected: vec![
                    "waystone: starting set B".to_owned(),
                    "waystone: set B: root is".to_owned(),
                    good(NEW, 'B'),
                    format!("running demo {NEW} from set B"),
                    format!("{NEW} -> {BAD}"),
                    "demo: $ systemctl reboot".to_owned(),
                ],
            },
        )?;
        self.workshop.looks(bad, &self.disk, 'A')?;
        self.broken.spoil(&self.disk, 'A')
    }

    /// Set A starts and fails; nobody orders anything.
    fn fail(&mut self) -> Result<()> {
        let mut expected = vec!["waystone: starting set A".to_owned()];
        expected.extend(self.broken.failing(BAD, 'A'));
        self.boot(
            &format!("restarts into {BAD}, which fails and restarts by itself"),
            &Boot { name: "5-bad", orders: &["echo this is not to be carried out"], expected },
        )
    }

    /// Set B starts and tells why.
    fn come_back(&mut self, releases: &Releases) -> Result<()> {
        self.boot(
            &format!("is back on {NEW} with nobody's help, and says why"),
            &Boot {
                name: "6-back",
                orders: &[
                    "updog status",
                    settings::SHOW,
                    "updog check-update",
                    "systemctl poweroff",
                ],
                expected: [
                    vec![
                        "waystone: starting set B".to_owned(),
                        good(NEW, 'B'),
                        format!("running demo {NEW} from set B"),
                        format!(
                            "{BAD} failed here and is not taken again: {}",
                            self.broken.cause()
                        ),
                    ],
                    shown(&settings::NEW[1..]),
                    vec![
                        "demo: $ updog check-update".to_owned(),
                        "demo: [3]".to_owned(),
                        "demo: $ systemctl poweroff".to_owned(),
                    ],
                ]
                .concat(),
            },
        )?;
        self.workshop.looks(&releases.new, &self.disk, 'B')
    }

    fn boot(&mut self, what: &str, boot: &Boot<'_>) -> Result<()> {
        let guest = &self.guest;
        self.workshop.steps.long_step(what, || {
            guest.boot(boot)?;
            Ok(((), "the machine ended by itself".to_owned()))
        })
    }

    fn summary(&self) {
        let steps = &self.workshop.steps;
        let (kept, count, elapsed) = (self.workshop.folder.kept(), steps.count(), steps.elapsed());
        let told = self.broken.told();
        say(&format!(
            "\nWhat happened\n\
             \x20 In a virtual machine, UEFI firmware started our boot selector, which read the priority bits\n\
             \x20 and started the kernel image of set A; our first program verified the root and systemd ran\n\
             \x20 {OLD}. The host fetched {NEW} over its network, wrote it to set B, checked every block,\n\
             \x20 flipped the bits and restarted into it, and health checks proved it good. {NEW} has another\n\
             \x20 name for one setting and two for another: the boot carried them over, and back for {OLD}.\n\
             \x20 Then came {BAD}, signed and whole like the others, but {told}.\n\
             \x20 It had one try. The try was used up, the next start was {NEW} again, and the host knows\n\
             \x20 why, and does not take {BAD} a second time. Nobody helped.\n\
             \x20 Nothing took root rights here, beyond installing packages; there was no KVM.\n\n\
             {kept}\n\
             {count} steps in {elapsed}\n"
        ));
    }
}

/// What a host says of its settings when it is asked to show them.
fn shown(settings: &[&str]) -> Vec<String> {
    settings.iter().map(|line| format!("demo: | {line}")).collect()
}

/// What a host says of a start that is good.
fn good(version: &str, set: char) -> String {
    format!("{version} in set {set} is good")
}
