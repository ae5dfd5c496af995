//! What runs for each command, and what it prints.

use std::fmt::Display;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;

use chrono::{DateTime, Utc};
use cli::{Outcome as End, Progress};
use manifest::Schedule;
use serde::Serialize;

use crate::arguments::{
    AddArguments, Arguments, AuthorArguments, ChangeWavesArguments, CheckArguments, Command,
    ExplainArguments, InitArguments, MirrorArguments, RefreshArguments, ReleaseCommand,
    SelectorArguments, ServeArguments, StartArguments, WavesCommand,
};
use crate::explain::{explain, schedule};
use crate::{
    Add, Author, Checkup, Choice, Depth, Error, Existing, ExpiryPolicy, Framing, Init, Layout,
    Outcome, Packing, Result, Selector, Server, Unobserved, WaveChange, add, change_waves, check,
    init, list, refresh, select, withdraw,
};

/// Runs the program; `clock` is the time unless the command line says otherwise.
///
/// # Errors
///
/// Any [`Error`], which knows its exit code and what to do next.
pub fn run(arguments: &Arguments, clock: DateTime<Utc>) -> Result<End> {
    let session = Session { arguments, now: arguments.now.unwrap_or(clock) };
    match &arguments.command {
        Command::Init(arguments) => session.init(arguments),
        Command::Release(ReleaseCommand::Add(arguments)) => session.add(arguments),
        Command::Release(ReleaseCommand::List(arguments)) => {
            session.show(&list(&session.layout(&arguments.repo)?, session.now)?)
        }
        Command::Release(ReleaseCommand::Waves(arguments)) => session.change_waves(arguments),
        Command::Release(ReleaseCommand::Withdraw(arguments)) => {
            let author = session.author(&arguments.author)?;
            let withdrawn = withdraw(&author, &selector(&arguments.release), &mut Unobserved)?;
            session.end(&withdrawn, withdrawn.outcome)
        }
        Command::Waves(WavesCommand::Explain(arguments)) => session.explain(arguments),
        Command::Refresh(arguments) => session.refresh(arguments),
        Command::Check(arguments) => session.check(arguments),
        Command::Mirror(arguments) => session.mirror(arguments),
        Command::Serve(arguments) => session.serve(arguments),
    }
}

/// What all commands share.
struct Session<'a> {
    arguments: &'a Arguments,
    now: DateTime<Utc>,
}

impl Session<'_> {
    fn layout(&self, repository: &Path) -> Result<Layout> {
        Layout::new(repository, &self.arguments.metadata_dir)
    }

    fn author(&self, arguments: &AuthorArguments) -> Result<Author> {
        Ok(Author {
            layout: self.layout(&arguments.repository.repo)?,
            keys: arguments.keys.clone(),
            policy: ExpiryPolicy::load(arguments.expiry.as_deref())?,
            now: self.now,
        })
    }

    fn schedule(&self, arguments: &StartArguments) -> Result<Option<Schedule>> {
        match (&arguments.waves, arguments.start) {
            (Some(policy), start) => schedule(policy, start.unwrap_or(self.now)).map(Some),
            (None, start) => Ok(start.map(Schedule::all_from)),
        }
    }

    fn init(&self, arguments: &InitArguments) -> Result<End> {
        let mut options = Init { key_type: arguments.key_type, ..Init::default() };
        for text in &arguments.threshold {
            let (role, number) = threshold(text)?;
            options.thresholds.insert(role, number);
        }
        let author = self.author(&arguments.author)?;
        self.show(&init(&author, &options, &mut Unobserved)?)
    }

    fn add(&self, arguments: &AddArguments) -> Result<End> {
        let author = self.author(&arguments.author)?;
        let options = Add {
            parts: arguments.parts.clone(),
            schedule: self.schedule(&arguments.start)?,
            migrations: arguments.migrations.clone(),
            max_version: arguments.max_version.clone(),
            replace: arguments.replace,
            unchecked: arguments.unchecked,
            packing: Packing {
                most: usize::from(arguments.packs),
                level: arguments.pack_level.unwrap_or_default(),
                work: arguments.work.clone(),
                quiet: false,
            },
            framing: Framing {
                form: arguments.images,
                level: arguments.frame_level,
                older: usize::from(arguments.frame_releases),
            },
        };
        let added = add(&author, &options, &mut Unobserved)?;
        self.end(&added, added.outcome)
    }

    fn change_waves(&self, arguments: &ChangeWavesArguments) -> Result<End> {
        let author = self.author(&arguments.author)?;
        let release = selector(&arguments.release);
        let change = WaveChange { release, schedule: self.schedule(&arguments.start)? };
        let changed = change_waves(&author, &change, &mut Unobserved)?;
        self.end(&changed, changed.outcome)
    }

    fn explain(&self, arguments: &ExplainArguments) -> Result<End> {
        let schedule = schedule(&arguments.waves, arguments.start)?;
        self.show(&explain(&schedule, arguments.seed, self.now)?)
    }

    fn refresh(&self, arguments: &RefreshArguments) -> Result<End> {
        let least = match arguments {
            RefreshArguments { root: true, .. } => Depth::Root,
            RefreshArguments { all: true, .. } => Depth::Targets,
            _ => Depth::Timestamp,
        };
        let author = self.author(&arguments.author)?;
        self.show(&refresh(&author, least, &mut Unobserved)?)
    }

    fn check(&self, arguments: &CheckArguments) -> Result<End> {
        let layout = self.layout(&arguments.repository.repo)?;
        let CheckArguments { soon, quick, .. } = *arguments;
        let checked = check(&layout, &Checkup { now: self.now, soon, quick })?;
        self.show(&checked)?;
        match checked.errors() {
            0 => Ok(End::Done),
            errors => Err(Error::Unsound(errors)),
        }
    }

    fn mirror(&self, arguments: &MirrorArguments) -> Result<End> {
        let layout = self.layout(&arguments.repository.repo)?;
        let choice = Choice {
            versions: arguments.versions.clone(),
            variant: arguments.variant.clone(),
            arch: arguments.arch.clone(),
        };
        let selection = select(&layout, &choice, self.now)?;
        let to = &arguments.to;
        if arguments.dry_run {
            return self.show(&selection.plan(to));
        }
        let existing = if arguments.replace { Existing::GivesWay } else { Existing::Stays };
        let progress = Progress::new("copy", selection.bytes(), false);
        let mirrored = selection.write(to, existing, &|bytes| progress.add(bytes))?;
        progress.finish();
        self.end(&mirrored, mirrored.outcome)
    }

    fn serve(&self, arguments: &ServeArguments) -> Result<End> {
        let address = SocketAddr::new(arguments.bind, arguments.port);
        let server = Server::bind(arguments.repository.repo.clone(), address)?;
        let server = match &arguments.log {
            Some(file) => server.logged(file)?,
            None => server,
        };
        print(&server.url())?;
        server.run()?;
        Ok(End::Done)
    }

    fn show(&self, result: &(impl Serialize + Display)) -> Result<End> {
        self.end(result, Outcome::Done)
    }

    /// Prints the result; 'nothing to do' has its own exit code.
    fn end(&self, result: &(impl Serialize + Display), outcome: Outcome) -> Result<End> {
        if self.arguments.json {
            cli::print_json(result).map_err(output)?;
        } else {
            print(&result.to_string())?;
        }
        Ok(match outcome {
            Outcome::Done => End::Done,
            Outcome::NothingToDo => End::NothingToDo,
        })
    }
}

fn selector(arguments: &SelectorArguments) -> Selector {
    Selector {
        version: arguments.version.clone(),
        variant: arguments.variant.clone(),
        arch: arguments.arch.clone(),
    }
}

/// Most keys that have to sign for a role.
const MOST_KEYS: u64 = 16;

fn threshold(text: &str) -> Result<(&'static str, u64)> {
    let parsed = text.split_once('=').and_then(|(role, number)| {
        let roles = ["root", "targets", "snapshot", "timestamp"];
        let role = roles.into_iter().find(|known| *known == role)?;
        let number = number.parse().ok().filter(|number| (1..=MOST_KEYS).contains(number))?;
        Some((role, number))
    });
    parsed.ok_or_else(|| Error::Threshold(text.to_owned()))
}

/// Prints a line to standard output, at once.
fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(output)
}

fn output(source: io::Error) -> Error {
    Error::Edge { action: "write to standard output".to_owned(), source }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_threshold_names_a_role_and_a_number() {
        assert_eq!(threshold("root=2").unwrap(), ("root", 2));
        for wrong in ["root", "root=0", "root=17", "root=x", "mirrors=1", "=1", "root=2=3"] {
            assert!(threshold(wrong).is_err(), "{wrong}");
        }
    }
}
