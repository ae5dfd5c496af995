//! How long metadata last: who publishes has to sign them again before.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use trust::RoleName;

use super::{Finding, Severity};

const CHECK: &str = "expiry";

/// Where metadata lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// In the repository: hosts are waiting for newer ones.
    Repository,
    /// On this host, which may find newer ones in the repository.
    Host,
}

/// How long before its end somebody should look: the shorter a role lasts by the usual policy, the later.
fn notice(role: RoleName) -> TimeDelta {
    match role {
        RoleName::Root => TimeDelta::days(30),
        RoleName::Snapshot | RoleName::Targets => TimeDelta::days(3),
        RoleName::Timestamp => TimeDelta::days(1),
    }
}

/// One finding for each role that has expired or soon will; if there is none, one about the first to expire.
pub fn judge(
    expiries: &[(RoleName, DateTime<Utc>)],
    held: Held,
    now: DateTime<Utc>,
) -> Vec<Finding> {
    let findings: Vec<_> =
        expiries.iter().filter_map(|(role, at)| expiring(*role, *at, held, now)).collect();
    match expiries.iter().min_by_key(|(_, at)| *at) {
        Some((role, at)) if findings.is_empty() => {
            vec![Finding::ok(
                CHECK,
                format!("the first role to expire is {}, {}", name(*role), shown(*at)),
            )]
        }
        _ => findings,
    }
}

fn expiring(role: RoleName, at: DateTime<Utc>, held: Held, now: DateTime<Utc>) -> Option<Finding> {
    let (name, shown) = (name(role), shown(at));
    let next = match (held, role) {
        (Held::Host, _) => "`updog check-update` fetches newer ones, if they were published",
        (_, RoleName::Root) => "have its publisher sign a new root",
        _ => "have its publisher run `repo-tools refresh`",
    };
    let (severity, text) = match (held, at <= now) {
        (Held::Repository, true) => {
            (Severity::Problem, format!("the repository's {name} expired {shown}"))
        }
        (Held::Repository, false) => {
            (Severity::Warning, format!("the repository's {name} expires {shown}"))
        }
        (Held::Host, true) => {
            (Severity::Warning, format!("the {name} that this host knows expired {shown}"))
        }
        (Held::Host, false) => {
            (Severity::Warning, format!("the {name} that this host knows expires {shown}"))
        }
    };
    let finding = Finding { check: CHECK, severity, text, next: Some(next.to_owned()) };
    (at - now <= notice(role)).then_some(finding)
}

fn name(role: RoleName) -> &'static str {
    role.file_name().trim_end_matches(".json")
}

fn shown(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(role: RoleName, hours: i64, held: Held) -> Finding {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let mut found = judge(&[(role, now + TimeDelta::hours(hours))], held, now);
        assert_eq!(found.len(), 1);
        found.remove(0)
    }

    #[test]
    fn each_role_is_warned_of_in_its_time() {
        for (role, days) in [
            (RoleName::Timestamp, 1),
            (RoleName::Snapshot, 3),
            (RoleName::Targets, 3),
            (RoleName::Root, 30),
        ] {
            assert_eq!(found(role, 24 * days + 1, Held::Repository).severity, Severity::Ok);
            assert_eq!(found(role, 24 * days, Held::Repository).severity, Severity::Warning);
            assert_eq!(found(role, 1, Held::Repository).severity, Severity::Warning);
            assert_eq!(found(role, 0, Held::Repository).severity, Severity::Problem);
        }
    }

    #[test]
    fn what_expired_on_the_host_may_be_newer_in_the_repository() {
        let finding = found(RoleName::Timestamp, -100, Held::Host);
        assert_eq!(finding.severity, Severity::Warning);
        assert!(finding.next.is_some_and(|next| next.contains("check-update")));
    }

    #[test]
    fn every_role_that_expires_is_told() {
        let now = DateTime::UNIX_EPOCH;
        let roles = [RoleName::Root, RoleName::Timestamp, RoleName::Snapshot, RoleName::Targets];
        let found = judge(&roles.map(|role| (role, now)), Held::Repository, now);
        assert_eq!(found.len(), 4);
        assert!(found[0].text.contains("root") && found[3].text.contains("targets"));
    }
}
