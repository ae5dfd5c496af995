//! One operation again and again, each time with another call that fails.
//!
//! Every call site that can fail is tried: sites are told apart by what the call does, to which file (or to memory, programs, the network), and of
//! many calls of one site the first, the last and some between them. The program must end as it documents, never by a panic; the host must be whole; a program that says that it is done must have
//! done it; and the same command without the fault must come to its end. A disk may also lie: a write that is said to have been done and was not, a
//! read that gives zeros.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use migrator::Secrets;
use migrator::carry::{Wanted, carry};

use super::again::{go_on, read, write_disk};
use super::bed::{Bed, Host};
use super::call::Deed;
use super::chance::Chance;
use super::fault::{Fault, Plan, Site};
use super::judge::{Judge, Known, Settings, settings_in};
use super::moment::{Moment, State};
use super::operation::{Doing, Operation};
use super::prepared::{prepared, programs_of};
use super::record::{Recording, record};
use super::trace::Ending;
use super::tree::{Tree, copy_sparse};

/// What came of letting calls fail.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Name of the operation.
    pub name: &'static str,
    /// Call sites that can fail.
    pub sites: usize,
    /// Runs with a fault.
    pub runs: usize,
    /// Those that said that they were done nevertheless.
    pub survived: usize,
    /// What went wrong, each with the fault.
    pub lost: Vec<String>,
}

/// How programs of ours end when something failed: with the codes that they document.
const ENDINGS: [i32; 5] = [0, 1, 3, 4, 75];

/// How much is tried.
#[derive(Clone, Debug)]
pub struct Effort {
    /// What chance follows from.
    pub seed: u64,
    /// How many calls of one site fail, at most.
    pub per_site: usize,
    /// Of so many faults one is tried.
    pub one_of: usize,
    /// Only calls on this file fail, if one is named; or on `memory`, `programs`, the `network`.
    pub place: Option<String>,
}

/// Lets the calls of an operation fail.
///
/// # Errors
///
/// Fails when the operation cannot be run at all.
pub fn inject(
    bed: &Bed,
    operation: &Operation,
    effort: Effort,
    scratch: &Path,
) -> io::Result<Outcome> {
    let Doing::Programs(_) = operation.doing else { return Ok(Outcome::default()) };
    let trial = Trial::new(bed, operation, scratch)?;
    let plans = plans(&trial.sites, operation.name, &effort);
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, std::num::NonZero::get) {
            scope.spawn(|| {
                while let Some(plan) = plans.get(next.fetch_add(1, Ordering::Relaxed)) {
                    trial.run(plan);
                }
            });
        }
    });
    Ok(Outcome {
        name: operation.name,
        sites: trial.sites.len(),
        runs: plans.len(),
        survived: trial.survived.into_inner(),
        lost: trial.lost.into_inner().unwrap_or_else(PoisonError::into_inner),
    })
}

/// Which calls fail, and how.
fn plans(sites: &BTreeMap<Site, u32>, name: &str, effort: &Effort) -> Vec<Plan> {
    let Effort { seed, per_site, one_of, place } = effort;
    let (seed, per_site, one_of) = (*seed, *per_site, (*one_of).max(1));
    let mut plans = Vec::new();
    let is_meant = |site: &Site| place.as_ref().is_none_or(|place| site.place == *place);
    for (index, (site, count)) in sites.iter().enumerate().filter(|(_, (site, _))| is_meant(site)) {
        let mut chance = Chance::of(seed, name, &[index]);
        let numbers = numbers(*count, per_site, &mut chance);
        let faults = Fault::of(site.deed).into_iter().chain(lies(site));
        for fault in faults {
            let plan = |number: &u32| Plan { site: site.clone(), number: Some(*number), fault };
            plans.extend(numbers.iter().map(plan));
        }
        // Or it is every call.
        let lies = lies(site).into_iter().filter(|fault| *fault == Fault::Lost);
        for fault in Fault::lasting(site.deed).into_iter().chain(lies) {
            plans.push(Plan { site: site.clone(), number: None, fault });
        }
    }
    // What a disk lies about is always tried: nothing else shows that it is read back.
    let (lies, others): (Vec<Plan>, Vec<Plan>) = plans.into_iter().partition(is_lie);
    let first = Chance::of(seed, name, &[]).below(one_of);
    lies.into_iter().chain(others.into_iter().skip(first).step_by(one_of)).collect()
}

/// The settings with what a return kept aside: where those of before cannot be read, migrations that run backward give these.
fn with_changes(host: &Host) -> io::Result<Option<Settings>> {
    let datastore = host.path("datastore");
    let (keys, secrets) = (&[], Secrets::Masked);
    let wanted = Wanted { datastore: &datastore, keys, force: false, dry_run: false, secrets };
    carry(&wanted, &mut |_| (), &mut |_| Ok(())).map_err(io::Error::other)?;
    settings_in(&datastore).map_err(io::Error::other)
}

fn is_lie(plan: &Plan) -> bool {
    matches!(plan.fault, Fault::Lost | Fault::Stale)
}

/// Which calls of a site fail: one by chance, or the first, the last, and some between.
fn numbers(count: u32, per_site: usize, chance: &mut Chance) -> BTreeSet<u32> {
    let mut any = || {
        let number = 1 + chance.below(usize::try_from(count).unwrap_or(1));
        u32::try_from(number).unwrap_or(1)
    };
    match per_site {
        0 | 1 => BTreeSet::from([any()]),
        more => [1, count].into_iter().chain((2..more).map(|_| any())).collect(),
    }
}

/// What a disk does that lies. Our programs read back what they write there, and nowhere else.
fn lies(site: &Site) -> Vec<Fault> {
    match (site.place.as_str(), site.deed) {
        ("disk.img", Deed::Write | Deed::Flush) => vec![Fault::Lost],
        ("disk.img", Deed::Read) => vec![Fault::Stale],
        _ => Vec::new(),
    }
}

struct Trial<'b> {
    bed: &'b Bed,
    operation: &'b Operation,
    scratch: &'b Path,
    known: Known,
    sites: BTreeMap<Site, u32>,
    /// The disk and the files at first.
    first: (Arc<[u8]>, Tree),
    survived: AtomicUsize,
    lost: Mutex<Vec<String>>,
}

impl<'b> Trial<'b> {
    fn new(bed: &'b Bed, operation: &'b Operation, scratch: &'b Path) -> io::Result<Self> {
        let host = prepared(bed, operation, scratch)?;
        let mut known = bed.known(&host)?;
        let disk = fs::read(host.disk())?.into();
        let files = Tree::read(host.folder(), &["disk.img"])?;
        let programs = programs_of(&host, operation, scratch);
        let recording = record(host.folder(), &host.disk(), &programs, None)?;
        programs.iter().for_each(|program| drop(fs::remove_file(&program.said)));
        known.settings.extend(settings_in(&host.path("datastore")).map_err(io::Error::other)?);
        known.settings.extend(with_changes(&host)?);
        let sites = recording.sites;
        let (survived, lost) = Default::default();
        Ok(Self { bed, operation, scratch, known, sites, first: (disk, files), survived, lost })
    }

    fn run(&self, plan: &Plan) {
        match self.tried(plan) {
            Ok(true) => {
                self.survived.fetch_add(1, Ordering::Relaxed);
            }
            Ok(false) => {}
            Err(why) => {
                let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
                lost.push(format!("{plan}: {why}"));
            }
        }
    }

    /// Whether the programs came to their end nevertheless.
    fn tried(&self, plan: &Plan) -> Result<bool, String> {
        let failed = |error: io::Error| format!("it cannot be tried: {error}");
        let host = Host::empty(self.scratch).map_err(failed)?;
        copy_sparse(&self.first.0, &host.disk()).map_err(failed)?;
        self.first.1.make(host.folder()).map_err(failed)?;
        let programs = programs_of(&host, self.operation, self.scratch);
        let recording = record(host.folder(), &host.disk(), &programs, Some(plan.clone()));
        let words: String =
            programs.iter().filter_map(|program| fs::read_to_string(&program.said).ok()).collect();
        programs.iter().for_each(|program| drop(fs::remove_file(&program.said)));
        let recording = recording.map_err(failed)?;
        let is_done = recording.endings.iter().all(|ending| *ending == Ending::Exit(0));
        ended(plan, &recording.endings, &words)?;
        let judged = self.judged(plan, (&host, is_done && programs.len() == 1), &recording);
        judged.map_err(|why| format!("it ended with {:?}: {why}: {words}", recording.endings))?;
        Ok(is_done)
    }

    /// The host is whole, and goes on.
    fn judged(
        &self,
        plan: &Plan,
        (host, is_done): (&Host, bool),
        recording: &Recording,
    ) -> Result<(), String> {
        let failed = |error: io::Error| format!("it cannot be looked at: {error}");
        let judge = Judge::new(self.known.clone(), self.scratch).map_err(failed)?;
        // Power may go as well, at any moment, with what was not flushed; on a disk that lies, once the programs had their say.
        let first = if is_lie(plan) { recording.len() } else { 0 };
        for happened in first..=recording.len() {
            let moment = Moment::new(recording, happened);
            for choice in moment.choices(self.operation.name, 0, 0).iter().take(4) {
                let judged = judge.judge(&moment.state(choice));
                judged.map_err(|why| format!("after event {happened}, {choice}: {why}"))?;
            }
        }
        let state = read(host, Arc::clone(&self.first.0)).map_err(failed)?;
        let verdict = judge.judge(&state)?;
        if is_done && self.operation.says_how_it_ended() {
            (self.operation.goal)(self.bed, host)
                .map_err(|why| format!("it says that it is done, and it is not: {why}"))?;
        }
        self.again(host, &state, &judge, &verdict)
    }

    /// The machine starts, and everything works again.
    fn again(
        &self,
        host: &Host,
        state: &State,
        judge: &Judge,
        verdict: &super::judge::Verdict,
    ) -> Result<(), String> {
        let failed = |error: io::Error| format!("it cannot be tried again: {error}");
        let disk = verdict.boot.disk(&state.disk);
        write_disk(&host.disk(), &disk).map_err(failed)?;
        if !self.operation.says_how_it_ended() && verdict.boot.set == self.operation.active {
            // What it tries again only later can be done by hand now.
            let finished = host.run(verdict.boot.set, &["updog", "update"]);
            if ![0, 3].contains(&finished.code) {
                return Err(format!("by hand it ends with {}: {}", finished.code, finished.stderr));
            }
        }
        go_on(self.bed, self.operation, host, verdict)?;
        let state = read(host, Arc::clone(&self.first.0)).map_err(failed)?;
        judge
            .judge(&state)
            .map(drop)
            .map_err(|why| format!("after the command was run again: {why}"))
    }
}

/// Programs end as they document, and say why.
fn ended(plan: &Plan, endings: &[Ending], words: &str) -> Result<(), String> {
    // Libraries give up where they get neither memory nor threads.
    let gives_up = matches!(plan.site.deed, Deed::Memory | Deed::Thread);
    let may_be_killed = plan.fault == Fault::Kill || gives_up;
    for ending in endings {
        match ending {
            _ if may_be_killed => {}
            Ending::Exit(code) if ENDINGS.contains(code) => {}
            other => return Err(format!("it ends with {other:?}: {words}")),
        }
    }
    // Where ours start a thread they say so, and go on or end; only libraries panic.
    if plan.site.deed != Deed::Memory && words.contains("failed to spawn thread") {
        return Err(format!("it panics: {words}"));
    }
    if !gives_up && words.contains("panicked at") {
        return Err(format!("something that it started panics: {words}"));
    }
    let failed = endings.iter().any(|ending| matches!(ending, Ending::Exit(code) if *code != 0));
    if failed && words.trim().is_empty() && !may_be_killed {
        return Err("it fails without a word".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_call_of_a_site_is_left_to_no_seed() {
        let mut chance = Chance::of(1, "test", &[]);
        let seen: BTreeSet<u32> = (0..100).flat_map(|_| numbers(5, 1, &mut chance)).collect();
        assert_eq!(seen, BTreeSet::from([1, 2, 3, 4, 5]));
        assert_eq!(numbers(9, 2, &mut chance), BTreeSet::from([1, 9]));
        assert!(numbers(9, 4, &mut chance).is_superset(&BTreeSet::from([1, 9])));
        assert_eq!(numbers(1, 4, &mut chance), BTreeSet::from([1]));
    }
}
