//! What was noted about boots: a version that has failed here is not taken again.

use super::Finding;
use crate::boots::Ledger;

const LEDGER: &str = "ledger";
const FAILED: &str = "failed-version";

/// That the ledger can be read, and one finding for each version that has failed.
pub fn judge(ledger: &Ledger) -> Vec<Finding> {
    let failed = ledger.failed_versions().into_iter().map(|failed| {
        let text = format!("{} failed here: {}", failed.version, failed.cause_in_words());
        let next = format!(
            "`updog clear-failure {}` allows it again, once the cause is gone",
            failed.version
        );
        Finding::warning(FAILED, text, next)
    });
    let readable = Finding::ok(LEDGER, format!("{} boots are noted", ledger.attempts.len()));
    std::iter::once(readable).chain(failed).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Severity;
    use super::*;
    use crate::boots::file;

    #[test]
    fn each_version_that_failed_is_told_with_its_cause() {
        let text = r#"{"format": 1, "attempts": [
            {"set": "A", "version": "1.0.0", "noted": "2026-11-25T00:00:00Z", "outcome": "good"},
            {"set": "B", "version": "1.2.0", "noted": "2026-11-25T00:00:00Z", "outcome": "failed", "cause": "time-out"}]}"#;
        let found = judge(&file::parse(text.as_bytes()).unwrap());
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].severity, found[1].severity), (Severity::Ok, Severity::Warning));
        assert_eq!(found[1].text, "1.2.0 failed here: time-out");
        assert!(found[1].next.as_ref().unwrap().contains("`updog clear-failure 1.2.0`"));
    }
}
