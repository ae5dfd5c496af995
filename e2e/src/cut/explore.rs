//! One operation: recorded once, cut everywhere, judged, and gone on with.

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::again::{go_on, read, write_host};
use super::bed::{Bed, Host};
use super::choice::Choice;
use super::judge::{Judge, Known, Verdict, settings_in};
use super::moment::{Moment, State};
use super::operation::{self, Operation};
use super::prepared::{prepared, recorded};
use super::record::Recording;
use super::rules;
use super::sectors::Sectors;
use super::trace::Ending;
use super::tree::Tree;

/// How much is tried.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// What chance follows from.
    pub seed: u64,
    /// States by chance, a moment.
    pub cases: usize,
    /// Of so many other states the command is run again on one, besides the plain ones of each moment.
    pub again: u64,
    /// At one of so many moments the command is run again on the plain states.
    pub stride: usize,
}

/// What came of one operation.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Its name.
    pub name: &'static str,
    /// Writes, changes of names and flushes of the run.
    pub events: usize,
    /// States that were put together.
    pub tried: usize,
    /// Those of them that differ.
    pub distinct: usize,
    /// On how many the command was run again to its end.
    pub continued: usize,
    /// Hosts that were lost, and rules that were broken.
    pub lost: Vec<Loss>,
}

/// A state that must not be.
#[derive(Clone, Debug)]
pub struct Loss {
    /// After how many events; `None` if the recording as a whole breaks a rule.
    pub moment: Option<usize>,
    /// What survived.
    pub choice: Option<Choice>,
    /// Why the host is lost.
    pub why: String,
    /// Where the state is kept.
    pub kept: Option<PathBuf>,
}

impl fmt::Display for Loss {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(moment) = self.moment {
            write!(out, "after event {moment}")?;
        }
        if let Some(choice) = &self.choice {
            write!(out, ", {choice}")?;
        }
        let gap = if self.moment.is_some() { ": " } else { "" };
        write!(out, "{gap}{}", self.why)?;
        match &self.kept {
            Some(path) => write!(out, " (kept in {})", path.display()),
            None => Ok(()),
        }
    }
}

/// So many losses of one operation are told; more say nothing new.
const ENOUGH: usize = 20;

/// Records an operation and tries what a cut may leave of it.
///
/// # Errors
///
/// Fails when the operation cannot be recorded, or does not come to its end without a cut.
pub fn explore(
    bed: &Bed,
    operation: &Operation,
    effort: Effort,
    (scratch, kept): (&Path, &Path),
) -> io::Result<Outcome> {
    let mut outcome = Outcome { name: operation.name, ..Outcome::default() };
    let mut calls = 0;
    // Of two programs, the second begins now and then while the first runs.
    for turn in 0..=operation.turns() {
        let after = calls * turn / operation.turns().max(1);
        let trial = Trial::new(bed, operation, (effort, after), (scratch, kept))?;
        calls = calls.max(trial.recording.calls);
        outcome.add(explore_one(trial));
    }
    Ok(outcome)
}

fn explore_one(trial: Trial<'_>) -> Outcome {
    trial.check_rules();
    let next = AtomicUsize::new(0);
    let moments = trial.recording.len() + 1;
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, std::num::NonZero::get) {
            scope.spawn(|| {
                loop {
                    let moment = next.fetch_add(1, Ordering::Relaxed);
                    if moment >= moments || trial.lost().len() >= ENOUGH {
                        break;
                    }
                    trial.moment(moment);
                }
            });
        }
    });
    let seen = trial.seen.into_inner().unwrap_or_else(PoisonError::into_inner);
    let lost = trial.lost.into_inner().unwrap_or_else(PoisonError::into_inner);
    Outcome {
        name: trial.operation.name,
        events: moments - 1,
        tried: trial.tried.into_inner(),
        distinct: seen.len(),
        continued: trial.continued.into_inner(),
        lost,
    }
}

impl Outcome {
    fn add(&mut self, other: Self) {
        self.events += other.events;
        self.tried += other.tried;
        self.distinct += other.distinct;
        self.continued += other.continued;
        self.lost.extend(other.lost);
    }
}

/// An operation that was recorded.
struct Trial<'b> {
    bed: &'b Bed,
    operation: &'b Operation,
    effort: Effort,
    recording: Recording,
    known: Known,
    judge: Judge,
    scratch: &'b Path,
    kept: &'b Path,
    seen: Mutex<HashSet<u64>>,
    tried: AtomicUsize,
    continued: AtomicUsize,
    lost: Mutex<Vec<Loss>>,
}

impl<'b> Trial<'b> {
    fn new(
        bed: &'b Bed,
        operation: &'b Operation,
        (effort, after): (Effort, usize),
        (scratch, kept): (&'b Path, &'b Path),
    ) -> io::Result<Self> {
        let host = prepared(bed, operation, scratch)?;
        let mut known = bed.known(&host)?;
        let recording = recorded(&host, operation, after, scratch)?;
        (operation.goal)(bed, &host).map_err(io::Error::other)?;
        known.settings.extend(settings_in(&host.path("datastore")).map_err(io::Error::other)?);
        let judge = Judge::new(known.clone(), scratch)?;
        let (seen, tried, continued, lost) = Default::default();
        Ok(Self {
            bed,
            operation,
            effort,
            recording,
            known,
            judge,
            scratch,
            kept,
            seen,
            tried,
            continued,
            lost,
        })
    }

    fn lost(&self) -> MutexGuard<'_, Vec<Loss>> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_rules(&self) {
        let is_done = self.recording.endings.iter().all(|ending| *ending == Ending::Exit(0));
        let active = self.operation.active;
        for why in rules::breaches(&self.recording, &self.known, active, is_done) {
            self.lost().push(Loss { moment: None, choice: None, why, kept: None });
        }
    }

    /// Tries what a cut after so many events may leave.
    fn moment(&self, happened: usize) {
        let moment = Moment::new(&self.recording, happened);
        let Effort { seed, cases, again, stride } = self.effort;
        let cases = self.operation.cases(cases);
        let choices = moment.choices(self.operation.name, seed, cases);
        for (number, choice) in choices.iter().enumerate() {
            let state = moment.state(choice);
            self.tried.fetch_add(1, Ordering::Relaxed);
            let digest = state.disk.digest(0..state.disk.count()) ^ state.files.digest();
            let is_new = self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(digest);
            if !is_new {
                continue;
            }
            let is_plain = number < 4 && happened.is_multiple_of(stride);
            let goes_on = is_plain || digest.is_multiple_of(again);
            if let Err(why) = self.judge(&state, goes_on) {
                let kept = self.keep(happened, number, &state);
                let (moment, choice) = (Some(happened), Some(choice.clone()));
                self.lost().push(Loss { moment, choice, why, kept });
            }
        }
    }

    fn judge(&self, state: &State, goes_on: bool) -> Result<(), String> {
        let verdict = self.judge.judge(state)?;
        if goes_on {
            self.continued.fetch_add(1, Ordering::Relaxed);
            self.go_on(state, &verdict)?;
        }
        Ok(())
    }

    /// The machine starts, and the same is done again; it comes to its end, and to a whole host.
    fn go_on(&self, state: &State, verdict: &Verdict) -> Result<(), String> {
        let failed = |error: io::Error| format!("a state cannot be made: {error}");
        let host = Host::empty(self.scratch).map_err(failed)?;
        let disk = verdict.boot.disk(&state.disk);
        write_host(host.folder(), &disk, &state.files).map_err(failed)?;
        go_on(self.bed, self.operation, &host, verdict)?;
        let state = read(&host, Arc::clone(state.disk.base())).map_err(failed)?;
        self.judge
            .judge(&state)
            .map(drop)
            .map_err(|why| format!("after the command was run again: {why}"))
    }

    /// Keeps a state for whoever looks into it.
    fn keep(&self, happened: usize, number: usize, state: &State) -> Option<PathBuf> {
        let name = format!("{}-{}-{happened}-{number}", self.operation.name, self.effort.seed);
        let folder = self.kept.join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).ok()?;
        write_host(&folder, &state.disk, &state.files).ok()?;
        Some(folder)
    }
}

/// Judges a state that was kept in a folder, as one of the operation that begins its name.
///
/// # Errors
///
/// Fails when it cannot be read, or is called after no operation.
pub fn replay(bed: &Bed, folder: &Path, scratch: &Path) -> io::Result<Result<Verdict, String>> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let is_of = |one: &&Operation| {
        let rest = name.strip_prefix(one.name).and_then(|rest| rest.strip_prefix('-'));
        rest.is_some_and(|rest| rest.split('-').all(|part| part.parse::<u64>().is_ok()))
    };
    let operation = operation::ALL.iter().find(is_of);
    let operation = operation.ok_or_else(|| io::Error::other("it is called after no operation"))?;
    let disk = fs::read(folder.join("disk.img"))?.into();
    let files = Tree::read(folder, &["disk.img"])?;
    let effort = Effort { seed: 0, cases: 0, again: 1, stride: 1 };
    let Trial { known, .. } = Trial::new(bed, operation, (effort, 0), (scratch, scratch))?;
    // Every bed has keys of its own.
    let root = files.file("root.json").map(Into::into);
    let known = Known { shipped_root: root.unwrap_or(known.shipped_root), ..known };
    let state = State { disk: Sectors::new(disk), files };
    Ok(Judge::new(known, scratch)?.judge(&state))
}
