//! Mirrors: each of them is asked for what it says, and one that is believed will do.

use super::{Finding, Severity};

const CHECK: &str = "repository";

/// What came of asking one.
pub struct Asked {
    /// As it is called in messages.
    pub name: String,
    /// What is wrong, if anything.
    pub failure: Option<String>,
}

/// One finding a mirror. One that fails is a problem only where no other does better.
pub fn judge(mirrors: &[Asked]) -> Vec<Finding> {
    let any = mirrors.iter().any(|mirror| mirror.failure.is_none());
    let severity = if any { Severity::Warning } else { Severity::Problem };
    let next = match any {
        true => "another mirror is used; see to this one, or take it out of the configuration",
        false => "check the network, the addresses in the configuration, and what the servers hold",
    };
    let finding = |Asked { name, failure }: &Asked| match failure {
        None => Finding::ok(CHECK, format!("{name} is there, and what it says is verified")),
        Some(failure) => {
            let (text, next) = (format!("{name}: {failure}"), Some(next.to_owned()));
            Finding { check: CHECK, severity, text, next }
        }
    };
    mirrors.iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn severities(failures: &[Option<&str>]) -> Vec<Severity> {
        let asked = |failure: &Option<&str>| Asked {
            name: "mirror".to_owned(),
            failure: failure.map(str::to_owned),
        };
        let asked: Vec<_> = failures.iter().map(asked).collect();
        judge(&asked).into_iter().map(|finding| finding.severity).collect()
    }

    #[test]
    fn one_mirror_that_works_will_do() {
        use Severity::{Ok, Problem, Warning};
        assert_eq!(severities(&[None]), [Ok]);
        assert_eq!(severities(&[Some("gone"), None]), [Warning, Ok]);
        assert_eq!(severities(&[Some("gone"), Some("expired")]), [Problem, Problem]);
    }
}
