//! A data store in a folder of its own, and migrations that are shell scripts.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use datastore::{Area, Key, Store};
use manifest::Migrations;
use migrator::{
    Error, Limits, Mode, Report, Request, Result, Sealed, Secrets, Source, Step, migrate,
};
use semver::Version;
use tempfile::TempDir;

/// Adds the name of the migration to the key `ran`, or takes it away again.
pub(crate) const COUNTS: &str = "cp -a \"$3\" \"$5\"; ran=\"$5/live/ran\"
case $1 in
    --forward) printf '%s' \"$(sed 's/\"$//' \"$ran\") $0\\\"\" > \"$ran\" ;;
    --backward) printf '%s' \"$(sed \"s/ [^ ]*\\\"$/\\\"/\" \"$ran\")\" > \"$ran\" ;;
esac";

/// Migrations by name.
#[derive(Clone, Default)]
pub(crate) struct Scripts {
    migrations: Migrations,
    programs: BTreeMap<String, Vec<u8>>,
}

impl Scripts {
    /// Adds a step with one migration.
    pub(crate) fn with(self, from: &str, to: &str, script: &str) -> Self {
        // The shell calls itself by the name of the file: it is told the migration's.
        let name = format!("migrate_v{to}_x");
        let script = script.replace("$0", "$name");
        let script = format!("#!/bin/sh\nset -e\nname={name}\n{script}\n");
        self.with_program(from, to, script.into_bytes())
    }

    /// Adds a step with one migration that is this file.
    pub(crate) fn with_program(mut self, from: &str, to: &str, program: Vec<u8>) -> Self {
        let name = format!("migrate_v{to}_x");
        self.migrations.insert(version(from), version(to), vec![name.clone()]).unwrap();
        self.programs.insert(name, program);
        self
    }

    /// Without the bytes of this migration.
    pub(crate) fn forgetting(mut self, name: &str) -> Self {
        self.programs.remove(name).unwrap();
        self
    }

    /// Adds a step without migrations.
    pub(crate) fn without(mut self, from: &str, to: &str) -> Self {
        self.migrations.insert(version(from), version(to), vec![]).unwrap();
        self
    }
}

impl Source for Scripts {
    fn migrations(&self) -> &Migrations {
        &self.migrations
    }

    fn program(&self, name: &str) -> Result<Sealed> {
        let program = self.programs.get(name);
        Sealed::new(name, program.ok_or_else(|| Error::NoTarget { name: name.into() })?)
    }
}

pub(crate) fn version(text: &str) -> Version {
    text.parse().unwrap()
}

/// Where a flush costs nothing, if there is such a place.
pub(crate) fn place() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() }
}

/// Nobody looks on.
pub(crate) fn nobody(_: Step<'_>) -> io::Result<()> {
    Ok(())
}

pub(crate) struct World {
    folder: TempDir,
    pub(crate) scripts: Scripts,
    pub(crate) limits: Limits,
    pub(crate) log: Vec<String>,
}

impl World {
    /// A data store of this version, in which nothing has run.
    pub(crate) fn at(text: &str, scripts: Scripts) -> Self {
        Self::within(&place(), text, scripts)
    }

    /// The same in a folder of this one.
    pub(crate) fn within(place: &Path, text: &str, scripts: Scripts) -> Self {
        let folder = tempfile::tempdir_in(place).unwrap();
        let world = Self { folder, scripts, limits: Limits::default(), log: Vec::new() };
        let version = version(text);
        let store = format!("v{version}_0123456789abcdef");
        let live = world.path(&store).join("live");
        fs::create_dir_all(live.join("settings/host")).unwrap();
        fs::write(live.join("ran"), "\"\"").unwrap();
        fs::write(live.join("settings/host/name"), "\"worker-7\"").unwrap();
        let (major, minor) = (version.major, version.minor);
        let links = [
            (format!("v{version}"), store),
            (format!("v{major}.{minor}"), format!("v{version}")),
            (format!("v{major}"), format!("v{major}.{minor}")),
            ("current".to_owned(), format!("v{major}")),
        ];
        for (link, to) in links {
            symlink(to, world.path(&link)).unwrap();
        }
        world
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub(crate) fn migrate(&mut self, to: &str) -> Result<Report> {
        self.migrate_watched(to, &mut nobody)
    }

    /// Migrates while `look` looks on.
    pub(crate) fn migrate_watched(
        &mut self,
        to: &str,
        look: &mut dyn FnMut(Step<'_>) -> io::Result<()>,
    ) -> Result<Report> {
        let to = version(to);
        let datastore = self.root().to_owned();
        let request = Request {
            datastore: &datastore,
            to: &to,
            mode: Mode::Real,
            limits: self.limits,
            secrets: Secrets::Masked,
        };
        let (scripts, log) = (self.scripts.clone(), &mut self.log);
        migrate(&request, || Ok(scripts), &mut |line| log.push(line.to_owned()), look)
    }

    pub(crate) fn dry_run(&mut self, to: &str) -> Result<Report> {
        self.without_change(to, Mode::DryRun)
    }

    pub(crate) fn rehearse(&mut self, to: &str) -> Result<Report> {
        self.without_change(to, Mode::Rehearsal)
    }

    fn without_change(&mut self, to: &str, mode: Mode) -> Result<Report> {
        let to = version(to);
        let request = Request {
            datastore: self.folder.path(),
            to: &to,
            mode,
            limits: self.limits,
            secrets: Secrets::Masked,
        };
        let scripts = self.scripts.clone();
        migrate(&request, || Ok(scripts), &mut |_| (), &mut nobody)
    }

    /// The version that `current` leads to, and which migrations its settings have seen, as any reader would find it; the store is whole.
    pub(crate) fn now(&self) -> (String, String) {
        now(self.root())
    }

    /// Every name in the folder.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.root()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// How many stores there are.
    pub(crate) fn stores(&self) -> usize {
        let is_store = |name: &&String| name.starts_with('v') && name.contains('_');
        self.names().iter().filter(is_store).count()
    }

    /// Every file below the folder with its bytes, and every link with where it leads.
    pub(crate) fn snapshot(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut all = BTreeMap::new();
        list(self.root(), &mut all);
        all
    }
}

/// Follows the links by nothing but the system's calls.
pub(crate) fn now(root: &Path) -> (String, String) {
    let mut path = root.join("current");
    for _ in 0..3 {
        path = root.join(fs::read_link(&path).unwrap());
    }
    let version = path.file_name().unwrap().to_str().unwrap().to_owned();
    let store = Store::open(fs::canonicalize(root.join("current")).unwrap()).unwrap();
    assert_eq!(store.check().unwrap().files, 2, "it is whole");
    let ran: Key = "ran".parse().unwrap();
    let ran = store.value(&Area::Live, &ran).unwrap().unwrap().value();
    (version, ran.as_str().unwrap().trim().to_owned())
}

fn list(folder: &Path, all: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let kind = fs::symlink_metadata(&path).unwrap();
        if kind.is_dir() {
            list(&path, all);
            all.insert(path, Vec::new());
        } else if kind.is_symlink() {
            all.insert(
                path.clone(),
                fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes(),
            );
        } else {
            all.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
}
