//! Two releases in repositories, and a host that runs the older.

use std::path::{Path, PathBuf};

use super::door::{Door, Traffic};
use crate::Result;
use crate::bench::measure::{Sample, Side, measure};
use crate::bench::slots::Slots;
use crate::command::Run;
use crate::error::Error;
use crate::host::{Fleet, Host};
use crate::partition::Partitions;
use crate::release::{PARTS, Release};
use crate::server::Server;

/// How hosts get a release, which is how it is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By a pack.
    Pack,
    /// Without packs: what the host lacks, as far as the release can be had in ranges, or whole images.
    Ranges,
}

impl Way {
    /// As it is shown.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pack => "pack",
            Self::Ranges => "ranges",
        }
    }

    /// What `repo-tools release add` is told.
    fn flags(self) -> &'static [&'static str] {
        match self {
            Self::Pack => &[],
            Self::Ranges => &["--packs", "0"],
        }
    }
}

/// Both releases, and a disk with the older in set A.
pub(super) struct Bed<'a> {
    /// Where everything is made.
    folder: &'a Path,
    record: PathBuf,
    old: &'a Release,
    new: &'a Release,
    disk: PathBuf,
    partitions: Partitions,
}

/// Both releases, published in one way and served.
pub(super) struct Published {
    way: Way,
    repository: PathBuf,
    server: Server,
    /// What publishing the newer took.
    pub(super) added: Sample,
}

impl<'a> Bed<'a> {
    /// Makes the disk.
    ///
    /// # Errors
    ///
    /// Fails when image-builder does.
    pub(super) fn make(folder: &'a Path, old: &'a Release, new: &'a Release) -> Result<Self> {
        let (record, disk) = (folder.join("commands.log"), folder.join("disk.img"));
        let run = Run::ours("image-builder").arg("disk").arg("--parts").arg(&old.parts);
        run.arg("--out").arg(&disk).record(&record).run()?;
        let partitions = Partitions::of(&disk)?;
        Ok(Self { folder, record, old, new, disk, partitions })
    }

    /// The side that copies the newer release's images.
    pub(super) fn dd<'s>(&'s self, slots: &'s Slots) -> Side<'s> {
        slots.dd(self.new)
    }

    /// Publishes both releases in a repository of its own and serves it.
    ///
    /// # Errors
    ///
    /// Fails when repo-tools does.
    pub(super) fn publish(&self, way: Way) -> Result<Published> {
        let repository = self.folder.join(format!("repository-{}", way.name()));
        let keys = repository.with_extension("keys");
        let init = Run::ours("repo-tools").arg("init").arg("--repo").arg(&repository);
        init.arg("--keys").arg(&keys).record(&self.record).run()?;
        let add = |release: &Release| {
            let add = Run::ours("repo-tools").args(["release", "add"]).arg("--repo");
            let add = add.arg(&repository).arg("--parts").arg(&release.parts);
            add.arg("--keys").arg(&keys).args(way.flags()).record(&self.record)
        };
        add(self.old).run()?;
        let added = measure(add(self.new))?;
        let server = Server::start(&repository, &self.record)?;
        Ok(Published { way, repository, server, added })
    }

    /// A host that runs the older release and knows a repository by a URL.
    ///
    /// # Errors
    ///
    /// Fails when its files cannot be written.
    pub(super) fn host(&self, published: &Published, url: &str) -> Result<Host> {
        let (disk, record) = (&self.disk, &self.record);
        let fleet = Fleet { repository: &published.repository, url, disk, record };
        fleet.host(&self.folder.join(format!("host-{}", published.way.name())), 0, self.old)
    }

    /// What an update takes out of the server, from metadata to the last block; the new release is looked for afterwards.
    ///
    /// # Errors
    ///
    /// Fails when the update does, or is not what was wanted.
    pub(super) fn traffic(&self, published: &Published) -> Result<Traffic> {
        let door = Door::open(published.server.port()?)?;
        let host = self.host(published, &door.url())?;
        self.reset(&host)?;
        update(&host).run()?;
        self.new.is_in(&self.disk, 'B')?;
        let traffic = door.traffic()?;
        if traffic.bytes == 0 {
            return Err(Error::Untrue("an update should have fetched something".to_owned()));
        }
        Ok(traffic)
    }

    /// The side that updates a host, without a door.
    pub(super) fn side<'s>(&'s self, published: &Published, host: &'s Host) -> Side<'s> {
        let prepare = Box::new(|| self.reset(host));
        Side { name: published.way.name(), prepare, run: Box::new(|| update(host)) }
    }

    /// Has the host know nothing of the update, and its set B hold the older release, too.
    fn reset(&self, host: &Host) -> Result<()> {
        host.forget()?;
        host.signpost(&["clear-inactive"])?;
        PARTS.iter().try_for_each(|part| {
            let image = self.old.parts.join(format!("{part}.img"));
            self.partitions.fill(&self.disk, 'B', part, &image)
        })
    }
}

impl Published {
    /// Where it is served, without a door.
    pub(super) fn url(&self) -> &str {
        self.server.url()
    }
}

fn update(host: &Host) -> Run {
    host.updog_run(&["--quiet", "update-image"]).accept(&[0])
}
