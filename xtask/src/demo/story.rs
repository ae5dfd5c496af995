//! The demo's steps, in order.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::folder::Folder;
use crate::Result;
use crate::command::{PROGRAMS, Run, build_programs};
use crate::error::Error;
use crate::host::{Fleet, Host, NOTHING_TO_DO, json};
use crate::packages::Need;
use crate::release::{self, Release};
use crate::rootfs::{self, Pair, Rootfs};
use crate::server::Server;
use crate::steps::{Steps, say};
use crate::{place, setup};

const OLD: &str = "1.0.0";
const NEW: &str = "1.1.0";

/// How many steps there are.
const STEPS: usize = 21;

/// A host that the patch release has reached, with this policy and this start.
const EARLY_SEED: u16 = 40;

/// A host that it has not reached yet.
const LATE_SEED: u16 = 2000;

/// When the releases were published, before now: the first reaches everyone, the second the first hosts.
const OLD_AGE: Duration = Duration::from_secs(30 * 24 * 3600);
const NEW_AGE: Duration = Duration::from_secs(6 * 3600);

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
    let mut story = Story { folder, record: folder.join("commands.log"), steps: Steps::new(STEPS) };
    story.prepare()?;
    let pair = story.rootfs()?;
    let differing = pair.difference();
    let [old, new] = story.releases(&pair)?;
    let repository = story.repository(&old, &new)?;
    let server = story.serve(&repository)?;
    let disk = story.disk(&old)?;
    let record = story.record.clone();
    let fleet = Fleet { repository: &repository, url: server.url(), disk: &disk, record: &record };
    let mut host = story.check(&fleet, &old)?;
    let fetched = story.install(&host, &new, &disk)?;
    story.flip(&mut host, &new)?;
    story.go_back(&mut host, &old, &disk)?;
    story.summary(&Facts { differing, fetched });
    Ok(())
}

/// One run of the demo.
struct Story<'a> {
    folder: &'a Folder,
    /// Every command line with its output.
    record: PathBuf,
    steps: Steps,
}

impl Story<'_> {
    fn prepare(&mut self) -> Result<()> {
        self.steps
            .step("Debian packages", || Ok(((), setup::install_packages(&[Need::Always])?)))?;
        self.steps.step("builds our programs (cargo build --release)", || {
            build_programs(&PROGRAMS)?;
            Ok(((), PROGRAMS.join(" ")))
        })
    }

    fn rootfs(&mut self) -> Result<Pair> {
        let what =
            format!("root filesystems of {OLD} and {NEW} from this machine's package sources");
        let folder = self.folder.join("rootfs");
        self.steps.step(&what, || {
            let pair = rootfs::build_pair(&folder, [OLD, NEW])?;
            let said = pair.said()?;
            Ok((pair, said))
        })
    }

    fn releases(&mut self, pair: &Pair) -> Result<[Release; 2]> {
        let spec = self.folder.join("image.toml");
        release::write_spec(&spec)?;
        Ok([self.build(&spec, &pair.old, OLD)?, self.build(&spec, &pair.new, NEW)?])
    }

    fn build(&mut self, spec: &Path, rootfs: &Rootfs, version: &str) -> Result<Release> {
        let parts = self.folder.join(version);
        self.steps.step(&format!("builds the images of {version}"), || {
            let release = Release::build(spec, &rootfs.tar, version, &parts, &self.record)?;
            let said = release.said();
            Ok((release, said))
        })
    }

    fn repository(&mut self, old: &Release, new: &Release) -> Result<PathBuf> {
        let (repository, keys) = (self.folder.join("repository"), self.folder.join("keys"));
        self.steps.step("makes keys and a TUF repository", || {
            let run = Run::ours("repo-tools").arg("init").arg("--repo").arg(&repository);
            run.arg("--keys").arg(&keys).record(&self.record).run()?;
            Ok(((), String::new()))
        })?;
        self.publish(&repository, &keys, old, OLD_AGE, "30 days ago")?;
        self.publish(&repository, &keys, new, NEW_AGE, "6 hours ago")?;
        self.steps.step("checks the repository", || {
            let run = Run::ours("repo-tools").arg("check").arg("--repo").arg(&repository);
            run.record(&self.record).run()?;
            Ok(((), "nothing wrong".to_owned()))
        })?;
        Ok(repository)
    }

    fn publish(
        &mut self,
        repository: &Path,
        keys: &Path,
        release: &Release,
        age: Duration,
        since: &str,
    ) -> Result<()> {
        let what = format!("publishes {} to everyone within a week", release.version());
        self.steps.step(&what, || {
            let run =
                Run::ours("repo-tools").args(["release", "add"]).arg("--repo").arg(repository);
            let run = run.arg("--parts").arg(&release.parts).arg("--keys").arg(keys);
            let run = run.arg("--waves").arg(place::fixture("waves/steady.toml"));
            run.args(["--start", &ago(age)]).record(&self.record).run()?;
            Ok(((), format!("as if it began {since}")))
        })
    }

    fn serve(&mut self, repository: &Path) -> Result<Server> {
        self.steps.step("serves the repository", || {
            let server = Server::start(repository, &self.record)?;
            let said = server.url().to_owned();
            Ok((server, said))
        })
    }

    fn disk(&mut self, old: &Release) -> Result<PathBuf> {
        let disk = self.folder.join("disk.img");
        self.steps.step(&format!("makes a disk with {OLD} in set A"), || {
            let run = Run::ours("image-builder").arg("disk").arg("--parts").arg(&old.parts);
            run.arg("--out").arg(&disk).record(&self.record).run()?;
            let size = cli::ByteCount(place::length(&disk)?);
            Ok(((), format!("{size}")))
        })?;
        self.steps.step(&format!("looks with sgdisk whether set A holds {OLD}"), || {
            old.is_in(&disk, 'A')?;
            Ok(((), "it does, digest by digest".to_owned()))
        })?;
        Ok(disk)
    }

    fn check(&mut self, fleet: &Fleet<'_>, old: &Release) -> Result<Host> {
        let folder = |seed| self.folder.join(&format!("host-{seed}"));
        let (late, early) = (folder(LATE_SEED), folder(EARLY_SEED));
        self.steps.step(&format!("asks for an update as the host of seed {LATE_SEED}"), || {
            let said = fleet.host(&late, LATE_SEED, old)?.updog(&["check-update"])?;
            if said.code != NOTHING_TO_DO {
                return Err(Error::Untrue(format!("seed {LATE_SEED} has its turn already")));
            }
            let reason = said.stdout.lines().find(|line| line.contains("reaches seed"));
            Ok(((), format!("not yet: {}", reason.unwrap_or_default().trim())))
        })?;
        self.steps.step(&format!("asks for an update as the host of seed {EARLY_SEED}"), || {
            let host = fleet.host(&early, EARLY_SEED, old)?;
            let update = json(&host.updog(&["--json", "check-update"])?)?;
            if update["version"] != NEW {
                return Err(Error::Untrue(format!("seed {EARLY_SEED} is not offered {NEW}")));
            }
            Ok((host, format!("{OLD} -> {NEW}")))
        })
    }

    /// Gives how many bytes were fetched.
    fn install(&mut self, host: &Host, new: &Release, disk: &Path) -> Result<String> {
        let fetched =
            self.steps.step(&format!("writes {NEW} to set B and reads it back"), || {
                let image = json(&host.updog(&["--json", "--quiet", "update-image"])?)?;
                let fetched = image["fetched_bytes"].as_u64().unwrap_or_default();
                let fetched = cli::ByteCount(fetched).to_string();
                host.boots_next('A')?;
                Ok((fetched.clone(), format!("fetched {fetched}; A boots next still")))
            })?;
        self.steps.step(&format!("looks with sgdisk whether set B holds {NEW}"), || {
            new.is_in(disk, 'B')?;
            Ok(((), "it does, digest by digest".to_owned()))
        })?;
        Ok(fetched)
    }

    fn flip(&mut self, host: &mut Host, new: &Release) -> Result<()> {
        self.steps.step("flips", || {
            host.updog(&["update-apply"])?;
            host.boots_next('B')?;
            Ok(((), "B boots next, with one try".to_owned()))
        })?;
        self.show(host)?;
        self.steps.step(&format!("counts as restarted into {NEW}, and is marked good"), || {
            host.runs(new, 'B')?;
            host.signpost(&["mark-successful-boot"])?;
            host.boots_next('B')?;
            Ok(((), "B boots from now on".to_owned()))
        })
    }

    fn go_back(&mut self, host: &mut Host, old: &Release, disk: &Path) -> Result<()> {
        self.steps.step("rolls back", || {
            host.updog(&["rollback"])?;
            host.boots_next('A')?;
            old.is_in(disk, 'A')?;
            Ok(((), format!("A boots next, and holds {OLD} as before")))
        })?;
        self.show(host)
    }

    /// Shows what a person sees.
    fn show(&mut self, host: &Host) -> Result<()> {
        let status = self.steps.step("signpost status", || {
            let status = host.signpost(&["status"])?.stdout;
            Ok((status, String::new()))
        })?;
        // What follows is where each partition lies.
        let lines = status.lines().take_while(|line| !line.starts_with("efi "));
        say(&lines
            .map(|line| format!("{:9}{line}", "").trim_end().to_owned() + "\n")
            .collect::<String>());
        Ok(())
    }

    fn summary(&self, facts: &Facts) {
        let Facts { differing, fetched } = facts;
        let kept = if self.folder.keeps() {
            let path = self.folder.path().display();
            format!("Everything is in {path}; commands.log has every command with its output.")
        } else {
            "Run it with --dir DIR to keep everything for a look.".to_owned()
        };
        let (count, elapsed) = (self.steps.count(), self.steps.elapsed());
        say(&format!(
            "\nWhat happened\n\
             \x20 Two releases of a Debian system were built from packages, signed and published. Of {differing}.\n\
             \x20 A host that ran {OLD} from set A of its disk asked whether its turn had come, fetched\n\
             \x20 {fetched} over HTTP, wrote {NEW} to set B, read it back and checked every block. Only\n\
             \x20 then was set B made to boot next. Set A was never touched, so going back took one\n\
             \x20 command and no network.\n\
             \x20 Nothing took root rights, beyond installing packages. Nothing was started: this shows the\n\
             \x20 bits that decide what boots, not yet a machine that reads them.\n\n\
             {kept}\n\
             {count} steps in {elapsed}\n"
        ));
    }
}

/// A time in the past, as our programs read it.
fn ago(age: Duration) -> String {
    humantime::format_rfc3339_seconds(SystemTime::now() - age).to_string()
}
