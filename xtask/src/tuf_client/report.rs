//! What pytest counted, from its report in JUnit's format.

use std::fmt;

use crate::Result;
use crate::error::Error;

/// Tests by how they ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Report {
    tests: u32,
    failures: u32,
    errors: u32,
    /// Those that were not run, and those that were expected to fail and did.
    skipped: u32,
}

impl Report {
    /// Reads the counts of the report's one `testsuite` element.
    ///
    /// # Errors
    ///
    /// Fails when there is no such element or a count is missing in it.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let element = text.split_once("<testsuite ").and_then(|(_, rest)| rest.split_once('>'));
        let element = element.map_or("", |(attributes, _)| attributes);
        let count = |name: &str| {
            let value = element.split_once(&format!("{name}=\"")).map(|(_, rest)| rest);
            let number = value.and_then(|rest| rest.split('"').next()?.parse().ok());
            number.ok_or_else(|| Error::Untrue(format!("pytest's report tells no {name}")))
        };
        Ok(Self {
            tests: count("tests")?,
            failures: count("failures")?,
            errors: count("errors")?,
            skipped: count("skipped")?,
        })
    }

    /// Content only with tests that all ran and passed: a suite that is skipped or expected to fail proves nothing.
    ///
    /// # Errors
    ///
    /// Fails with the counts otherwise.
    pub(super) fn verdict(self) -> Result<()> {
        let passed = Self { tests: self.tests, failures: 0, errors: 0, skipped: 0 };
        if self == passed && self.tests > 0 {
            return Ok(());
        }
        Err(Error::Steps(format!("TUF conformance suite: {self}")))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tests, failures, errors, skipped } = self;
        let passed = tests.saturating_sub(failures + errors + skipped);
        write!(out, "{passed} of {tests} tests passed, {failures} failed, {errors} broke, ")?;
        write!(out, "{skipped} skipped or expected to fail")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn report(counts: &str) -> Result<Report> {
        Report::parse(&format!(
            "<?xml version=\"1.0\"?><testsuites name=\"pytest tests\">\
             <testsuite name=\"pytest\" {counts} time=\"1.2\"><testcase/></testsuite></testsuites>"
        ))
    }

    #[test]
    fn a_run_in_which_all_passed_is_fine() {
        let all = report("errors=\"0\" failures=\"0\" skipped=\"0\" tests=\"113\"").unwrap();
        all.verdict().unwrap();
        assert!(all.to_string().starts_with("113 of 113 tests passed"), "{all}");
    }

    #[test]
    fn whatever_did_not_pass_is_told_and_an_error() {
        for counts in [
            "errors=\"0\" failures=\"1\" skipped=\"0\" tests=\"3\"",
            "errors=\"1\" failures=\"0\" skipped=\"0\" tests=\"3\"",
            "errors=\"0\" failures=\"0\" skipped=\"1\" tests=\"3\"",
        ] {
            let error = report(counts).unwrap().verdict().unwrap_err().to_string();
            assert!(error.contains("2 of 3 tests passed"), "{error}");
        }
        assert!(
            report("errors=\"0\" failures=\"0\" skipped=\"0\" tests=\"0\"")
                .unwrap()
                .verdict()
                .is_err()
        );
    }

    #[test]
    fn a_report_without_a_count_is_none() {
        assert!(report("errors=\"0\" failures=\"0\" tests=\"1\"").is_err());
        assert!(Report::parse("").is_err());
    }
}
