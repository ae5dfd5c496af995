//! What would keep the next update from working: judgements over facts that somebody else has gathered. Pure.
//!
//! Each module judges one thing, and gives one [`Finding`] or more. Nothing is repaired and nothing is written.
//!
//! | module | what it judges |
//! |---|---|
//! | [`disk`] | the table, the sets, what boots next, whether an update could be activated, whether the newest release fits |
//! | [`folders`] | room and the right to write where records, metadata and migrations are kept |
//! | [`clock`] | the clock, beside the image and the repository's servers |
//! | [`expiry`] | how long the metadata's roles last |
//! | [`certificates`] | how long those of servers, and of authorities of one's own, last |
//! | [`mirrors`] | who can be reached and is believed |
//! | [`boots`] | what has failed on this host |
//! | [`agent`] | who looks for updates, windows that never open, holds, what keeps failing |
//! | [`programs`] | programs and devices that an update or a boot needs |

pub mod agent;
pub mod boots;
pub mod certificates;
pub mod clock;
pub mod disk;
pub mod expiry;
pub mod folders;
pub mod mirrors;
pub mod programs;

use std::fmt;

use serde::Serialize;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is wrong.
    Ok,
    /// Updates work, and somebody should look.
    Warning,
    /// The next update does not work as it is.
    Problem,
}

/// What was found about one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at; stable.
    pub check: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was found.
    pub text: String,
    /// What to do next.
    pub next: Option<String>,
}

/// Everything that was found, in the order in which it was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How many problems there are.
    pub problems: usize,
    /// How many warnings there are.
    pub warnings: usize,
    /// The findings.
    pub findings: Vec<Finding>,
}

impl Finding {
    /// Nothing is wrong.
    pub fn ok(check: &'static str, text: impl ToString) -> Self {
        Self { check, severity: Severity::Ok, text: text.to_string(), next: None }
    }

    /// Somebody should look.
    pub fn warning(check: &'static str, text: impl ToString, next: impl ToString) -> Self {
        let next = Some(next.to_string());
        Self { check, severity: Severity::Warning, text: text.to_string(), next }
    }

    /// The next update does not work as it is.
    pub fn problem(check: &'static str, text: impl ToString, next: impl ToString) -> Self {
        let next = Some(next.to_string());
        Self { check, severity: Severity::Problem, text: text.to_string(), next }
    }

    /// An error with its causes, and what to do next.
    pub fn of_error(check: &'static str, error: &impl cli::Classify) -> Self {
        let (severity, text) = (Severity::Problem, cli::chain(error));
        let next =
            error.hint().unwrap_or_else(|| "mend that, then run `updog doctor` again".to_owned());
        Self { check, severity, text, next: Some(next) }
    }
}

impl Report {
    /// A report of these findings.
    pub fn new(findings: Vec<Finding>) -> Self {
        let count = |severity| findings.iter().filter(|one| one.severity == severity).count();
        let (problems, warnings) = (count(Severity::Problem), count(Severity::Warning));
        Self { problems, warnings, findings }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:<7}  {:<13}  {}", self.severity, self.check, self.text)?;
        self.next.as_ref().map_or(Ok(()), |next| write!(out, "; next: {next}"))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.findings.iter().try_for_each(|finding| writeln!(out, "{finding}"))?;
        match (self.problems, self.warnings) {
            (0, 0) => write!(out, "nothing would keep the next update from working"),
            (problems, warnings) => write!(out, "problems: {problems}, warnings: {warnings}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_one_line_with_what_to_do_next() {
        let report = Report::new(vec![
            Finding::ok("seed", "this host's seed is 7"),
            Finding::warning("clock", "it is off", "set it"),
            Finding::problem("disk", "it is gone", "plug it in"),
        ]);
        assert_eq!(
            report.to_string(),
            "ok       seed           this host's seed is 7\n\
             warning  clock          it is off; next: set it\n\
             problem  disk           it is gone; next: plug it in\n\
             problems: 1, warnings: 1"
        );
        assert!(Report::default().to_string().contains("nothing would keep"));
    }

    #[test]
    fn fields_are_stable() {
        let report =
            Report::new(vec![Finding::ok("seed", "x"), Finding::problem("disk", "y", "z")]);
        assert_eq!(
            serde_json::to_string(&report).unwrap_or_default(),
            r#"{"problems":1,"warnings":0,"findings":[{"check":"seed","severity":"ok","text":"x","next":null},{"check":"disk","severity":"problem","text":"y","next":"z"}]}"#
        );
    }
}
