//! What both demos do: from packages to releases in a repository, and a disk with the first of them.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::folder::Folder;
use super::migrations::{self, Migrations};
use crate::Result;
use crate::command::{PROGRAMS, Run, build_programs};
use crate::packages::Need;
use crate::release::Release;
use crate::rootfs::{self, Pair};
use crate::server::Server;
use crate::steps::{Steps, say};
use crate::{place, setup};

/// One run of a demo.
pub(super) struct Workshop<'a> {
    /// Where everything is made.
    pub(super) folder: &'a Folder,
    /// Every command line with its output.
    pub(super) record: PathBuf,
    /// What was done.
    pub(super) steps: Steps,
}

/// A repository with the keys that it is signed with.
#[derive(Debug)]
pub(super) struct Repository {
    /// Its folder.
    pub(super) folder: PathBuf,
    keys: PathBuf,
}

/// How fast a release reaches its hosts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    /// To everyone within a week, as if it began this long ago; told as.
    Week(Duration, &'static str),
    /// To everyone at once.
    AtOnce,
}

/// A release that has reached everyone.
pub(super) const MONTH_AGO: Pace = Pace::Week(Duration::from_secs(30 * 24 * 3600), "30 days ago");

/// A release that has reached the first hosts.
pub(super) const HOURS_AGO: Pace = Pace::Week(Duration::from_secs(6 * 3600), "6 hours ago");

impl<'a> Workshop<'a> {
    /// Begins a run of so many steps.
    pub(super) fn new(folder: &'a Folder, steps: usize) -> Self {
        Self { folder, record: folder.join("commands.log"), steps: Steps::new(steps) }
    }

    pub(super) fn prepare(&mut self, needs: &[Need]) -> Result<()> {
        self.steps.step("Debian packages", || Ok(((), setup::install_packages(needs)?)))?;
        self.steps.step("builds our programs (cargo build --release)", || {
            let programs: Vec<&str> = PROGRAMS.into_iter().chain([migrations::PACKAGE]).collect();
            build_programs(&programs)?;
            Ok(((), programs.join(" ")))
        })
    }

    pub(super) fn rootfs(&mut self, [old, new]: [&str; 2]) -> Result<Pair> {
        let what =
            format!("root filesystems of {old} and {new} from this machine's package sources");
        let folder = self.folder.join("rootfs");
        self.steps.step(&what, || {
            let pair = rootfs::build_pair(&folder, [old, new])?;
            let said = pair.said()?;
            Ok((pair, said))
        })
    }

    pub(super) fn build(&mut self, spec: &Path, rootfs: &Path, version: &str) -> Result<Release> {
        let parts = self.folder.join(version);
        self.steps.step(&format!("builds the images of {version}"), || {
            let release = Release::build(spec, rootfs, version, &parts, &self.record)?;
            let said = release.said();
            Ok((release, said))
        })
    }

    pub(super) fn repository(&mut self) -> Result<Repository> {
        let (folder, keys) = (self.folder.join("repository"), self.folder.join("keys"));
        self.steps.step("makes keys and a TUF repository", || {
            let run = Run::ours("repo-tools").arg("init").arg("--repo").arg(&folder);
            run.arg("--keys").arg(&keys).record(&self.record).run()?;
            Ok(((), String::new()))
        })?;
        Ok(Repository { folder, keys })
    }

    /// With the migrations from the release before, unless it is the first.
    pub(super) fn publish(
        &mut self,
        to: &Repository,
        release: &Release,
        pace: Pace,
        migrations: Option<&Migrations>,
    ) -> Result<()> {
        let what = format!("publishes {} to everyone {}", release.version(), pace.reach());
        self.steps.step(&what, || {
            let run = Run::ours("repo-tools").args(["release", "add"]);
            let run = run.arg("--repo").arg(&to.folder).arg("--parts").arg(&release.parts);
            let run = migrations
                .into_iter()
                .fold(run, |run, migrations| run.arg("--migrations").arg(&migrations.folder));
            pace.ask(run.arg("--keys").arg(&to.keys)).record(&self.record).run()?;
            let said = [pace.said(), migrations.map(Migrations::said).unwrap_or_default()];
            Ok(((), said.join(" ").trim().to_owned()))
        })
    }

    /// The migrations from one release to the next, ready to be published.
    pub(super) fn migrations(&self, versions: [&str; 2]) -> Result<Migrations> {
        Migrations::gather(&self.folder.join("migrations"), versions, &self.record)
    }

    pub(super) fn check(&mut self, repository: &Repository) -> Result<()> {
        self.steps.step("checks the repository", || {
            let run = Run::ours("repo-tools").arg("check").arg("--repo").arg(&repository.folder);
            run.record(&self.record).run()?;
            Ok(((), "nothing wrong".to_owned()))
        })
    }

    pub(super) fn serve(&mut self, repository: &Repository) -> Result<Server> {
        self.steps.step("serves the repository", || {
            let server = Server::start(&repository.folder, &self.record)?;
            let said = server.url().to_owned();
            Ok((server, said))
        })
    }

    /// A disk with a release in set A, and on it the program that firmware starts, if there is one.
    pub(super) fn disk(&mut self, release: &Release, firmware: Option<&Path>) -> Result<PathBuf> {
        let (disk, version) = (self.folder.join("disk.img"), release.version());
        self.steps.step(&format!("makes a disk with {version} in set A"), || {
            let run = Run::ours("image-builder").arg("disk").arg("--parts").arg(&release.parts);
            let run = match firmware {
                Some(program) => run.arg("--efi-binary").arg(program),
                None => run,
            };
            run.arg("--out").arg(&disk).record(&self.record).run()?;
            let size = cli::ByteCount(place::length(&disk)?);
            Ok(((), format!("{size}")))
        })?;
        self.looks(release, &disk, 'A')?;
        Ok(disk)
    }

    /// Looks with programs that are not ours whether a set holds a release.
    pub(super) fn looks(&mut self, release: &Release, disk: &Path, set: char) -> Result<()> {
        let version = release.version();
        self.steps.step(&format!("looks with sgdisk whether set {set} holds {version}"), || {
            release.is_in(disk, set)?;
            Ok(((), "it does, digest by digest".to_owned()))
        })
    }

    /// Shows a text of several lines below a step.
    pub(super) fn show<'t>(lines: impl IntoIterator<Item = &'t str>) {
        let indented =
            lines.into_iter().map(|line| format!("{:9}{line}", "").trim_end().to_owned() + "\n");
        say(&indented.collect::<String>());
    }
}

impl Pace {
    fn reach(self) -> &'static str {
        match self {
            Self::Week(..) => "within a week",
            Self::AtOnce => "at once",
        }
    }

    fn ask(self, run: Run) -> Run {
        match self {
            Self::Week(age, _) => {
                let run = run.arg("--waves").arg(place::fixture("waves/steady.toml"));
                run.args(["--start", &ago(age)])
            }
            Self::AtOnce => run,
        }
    }

    fn said(self) -> String {
        match self {
            Self::Week(_, since) => format!("as if it began {since}"),
            Self::AtOnce => String::new(),
        }
    }
}

/// A time in the past, as our programs read it.
fn ago(age: Duration) -> String {
    humantime::format_rfc3339_seconds(SystemTime::now() - age).to_string()
}
