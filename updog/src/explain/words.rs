//! An explanation as a person reads it.

use std::fmt;

use chrono::{DateTime, Utc};
use manifest::{Considered, Host, Ready, Verdict};

use super::{Explanation, Facts, Origin, Release};

/// What would change the verdict on a release, or what comes next.
pub(super) fn changes(facts: &Facts<'_>, one: &Considered<'_>) -> Vec<String> {
    let version = &one.version;
    let changes = match one.verdict {
        Verdict::Chosen => [Some(chosen(facts, one)), declined(facts, one)],
        Verdict::OtherHost => {
            let Host { variant, arch, .. } = facts.host;
            [
                Some(format!("nothing on this host does: it takes releases for {variant} {arch}")),
                None,
            ]
        }
        Verdict::Recalled => {
            [Some("a newer release replaces it, or its publisher offers it again".to_owned()), None]
        }
        Verdict::FailedHere => {
            let clear = format!("`updog clear-failure {version}` allows it again");
            [Some(clear), Some("a newer release is taken without that".to_owned())]
        }
        Verdict::NotYet => not_yet(facts, one),
        Verdict::NotLocked => {
            let locks = format!("version_lock = \"latest\" or \"{version}\" in the configuration");
            [Some(locks), by_name(facts, one)]
        }
        Verdict::Older | Verdict::Superseded | Verdict::NotForced => [by_name(facts, one), None],
        Verdict::Running => [None, None],
    };
    changes.into_iter().flatten().collect()
}

fn chosen(facts: &Facts<'_>, one: &Considered<'_>) -> String {
    match facts.migrations_problem(&one.version) {
        None => "`updog update` installs it".to_owned(),
        Some(_) => {
            "it cannot be installed before its publisher adds the step that is missing".to_owned()
        }
    }
}

/// What the agent needs to take a release that an operator took back.
fn declined(facts: &Facts<'_>, one: &Considered<'_>) -> Option<String> {
    let version = &one.version;
    facts.declines(version).then(|| {
        format!("the agent does not by itself, since an operator took it back: `updog clear-failure {version}` lets it")
    })
}

/// What happens when the wave comes, and what can be done before.
fn not_yet(facts: &Facts<'_>, one: &Considered<'_>) -> [Option<String>; 2] {
    let Some(at) = one.ready_at else { return [None, None] };
    let when = when(at);
    let then = match facts.verdict(one, facts.host, at, false) {
        (Verdict::Chosen, _) => format!("on {when} its wave comes"),
        (_, reason) => {
            format!("on {when} its wave comes, and then it is not taken either: it {reason}")
        }
    };
    let eager = Host { ignore_waves: true, ..facts.host.clone() };
    let now = match facts.verdict(one, &eager, facts.now, false) {
        (Verdict::Chosen, _) => Some("`updog update --now` takes it at once".to_owned()),
        _ => by_name(facts, one),
    };
    [Some(then), now]
}

/// The command that takes the release whatever else there is.
fn by_name(facts: &Facts<'_>, one: &Considered<'_>) -> Option<String> {
    let version = &one.version;
    let eager = Host { ignore_waves: true, ..facts.host.clone() };
    let takes = |host| facts.verdict(one, host, facts.now, true).0 == Verdict::Chosen;
    match (takes(facts.host), takes(&eager)) {
        (true, _) => Some(format!("`updog update --image {version}` takes it")),
        (_, true) => Some(format!("`updog update --image {version} --now` takes it")),
        _ => None,
    }
}

/// A time to the second, never before the true one.
fn when(at: DateTime<Utc>) -> String {
    Ready::At(at).to_string().replace('T', " ").replace('Z', " UTC")
}

impl fmt::Display for Explanation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { variant, arch, running, seed, .. } = self;
        write!(out, "running {variant} {running} on {arch}, seed {seed}")?;
        if self.origin == Origin::Kept {
            write!(out, "\nby what is kept for the next boot, without the repository")?;
            self.signed.map_or(Ok(()), |signed| write!(out, ", signed {}", when(signed)))?;
        }
        if self.releases.is_empty() {
            write!(out, "\nno release is known for {variant} on {arch}")?;
        }
        self.releases.iter().try_for_each(|one| write!(out, "\n{one}"))
    }
}

impl fmt::Display for Release {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.version, self.reason)?;
        if let (Some(place), true) = (self.wave, self.waiting) {
            let wave = place.wave;
            let [start, end] = [wave.start, wave.end].map(when);
            write!(out, "\n  wave {} of {}: seeds ", place.number, place.of)?;
            write!(out, "{} to {}, from {start} to {end}", wave.first, wave.last)?;
        }
        if let Some(problem) = &self.migrations_problem {
            write!(out, "\n  settings cannot follow: {problem}")?;
        }
        self.changes.iter().try_for_each(|change| write!(out, "\n  {change}"))
    }
}
