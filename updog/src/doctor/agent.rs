//! Who updates the host, and whether anybody lets it: the agent, its windows, holds, and what has not worked of late.

use chrono::{DateTime, Utc};
use schedule::Opening;

use super::Finding;
use crate::agent::next::{Policies, Policy};
use crate::agent::orders::Hold;
use crate::agent::record::{Kind, Setback};

/// After so many times one after the other somebody should look.
const OFTEN: u32 = 3;

/// What is known of it.
pub struct Agent<'a> {
    /// Whether an agent runs, where that can be told.
    pub running: Option<bool>,
    /// Whether the repository was looked at as often as it is to be.
    pub looks: bool,
    /// Which steps it does by itself.
    pub policies: Policies,
    /// What the calendar says now.
    pub opening: &'a Opening,
    /// The hold that is on.
    pub hold: Option<&'a Hold>,
    /// What did not work the last time.
    pub setbacks: &'a [Setback],
}

/// What would keep the host from updating itself.
pub fn judge(agent: &Agent<'_>) -> Vec<Finding> {
    let mut findings = vec![runs(agent), window(agent)];
    findings.extend(agent.hold.map(held));
    findings.extend(agent.setbacks.iter().filter_map(setback));
    findings
}

fn runs(agent: &Agent<'_>) -> Finding {
    let check = "agent";
    if agent.policies.check == Policy::Off {
        return Finding::ok(check, "it is not to look for updates");
    }
    match (agent.running, agent.looks) {
        (Some(true), _) => Finding::ok(check, "it runs"),
        (_, true) => Finding::ok(check, "it does not run all the time, and looks for updates"),
        (_, false) => Finding::warning(
            check,
            "nobody looks for updates",
            "run `systemctl enable --now updog-agent`, or set check = \"off\" under [agent]",
        ),
    }
}

fn window(agent: &Agent<'_>) -> Finding {
    let check = "window";
    match agent.opening {
        Opening::Closed { opens: None, .. } if agent.policies.restart == Policy::Automatic => {
            Finding::problem(
                check,
                format!("a restart may never come: {}", agent.opening),
                "mend window and blackout under [agent] in the configuration",
            )
        }
        opening => Finding::ok(check, format!("a restart may come: {opening}")),
    }
}

fn held(hold: &Hold) -> Finding {
    let until = hold.until.map_or("until somebody resumes".to_owned(), shown);
    let why = hold.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    Finding::warning("hold", format!("updates are held {until}{why}"), "run `updog resume`")
}

fn shown(until: DateTime<Utc>) -> String {
    until.format("until %Y-%m-%d %H:%M UTC").to_string()
}

fn setback(setback: &Setback) -> Option<Finding> {
    let (check, step) = match setback.step {
        Kind::Check => ("checking", "looking for updates"),
        Kind::Fetch => ("fetching", "fetching"),
        Kind::Restart => ("restarting", "the restart"),
    };
    let text = format!("{step} has not worked {} times: {}", setback.count, setback.why);
    let next = "mend that; it is tried again by itself";
    (setback.count >= OFTEN).then(|| Finding::problem(check, text, next))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use schedule::Why;

    use super::super::Severity::{Ok, Problem, Warning};
    use super::*;

    fn severities(change: impl FnOnce(&mut Agent<'_>)) -> Vec<super::super::Severity> {
        let opening = Opening::Open { until: None };
        let mut agent = Agent {
            running: Some(true),
            looks: true,
            policies: Policies::default(),
            opening: &opening,
            hold: None,
            setbacks: &[],
        };
        change(&mut agent);
        judge(&agent).into_iter().map(|finding| finding.severity).collect()
    }

    #[test]
    fn somebody_has_to_look() {
        assert_eq!(severities(|_| ()), [Ok, Ok]);
        assert_eq!(severities(|agent| agent.running = Some(false)), [Ok, Ok]);
        let nobody = |agent: &mut Agent<'_>| (agent.running, agent.looks) = (Some(false), false);
        assert_eq!(severities(nobody), [Warning, Ok]);
        let off = |agent: &mut Agent<'_>| {
            nobody(agent);
            agent.policies.check = Policy::Off;
        };
        assert_eq!(severities(off), [Ok, Ok]);
    }

    #[test]
    fn a_window_that_never_opens_matters_to_a_restart_that_waits_for_it() {
        let never = Opening::Closed { opens: None, why: Why::OutsideWindows };
        let mut agent = Agent {
            running: Some(true),
            looks: true,
            policies: Policies::default(),
            opening: &never,
            hold: None,
            setbacks: &[],
        };
        assert_eq!(judge(&agent)[1].severity, Problem);
        agent.policies.restart = Policy::Manual;
        assert_eq!(judge(&agent)[1].severity, Ok);
    }

    #[test]
    fn a_hold_and_what_keeps_failing_are_told() {
        let at = DateTime::UNIX_EPOCH;
        let hold = Hold { since: at, until: None, why: Some("audit".to_owned()) };
        assert!(held(&hold).text.ends_with("audit"));
        let failed =
            |count| Setback { step: Kind::Fetch, count, at, again: at, why: "x".to_owned() };
        assert!(setback(&failed(2)).is_none());
        assert_eq!(setback(&failed(3)).unwrap().severity, Problem);
    }
}
