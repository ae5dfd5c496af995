//! The text format: families of samples, each written once.

use std::collections::BTreeSet;
use std::fmt::Display;

/// A value with its labels.
#[derive(Debug)]
pub(super) struct Sample {
    /// Names and values, as they are.
    pub(super) labels: Vec<(&'static str, String)>,
    /// The value; everything that is told is a whole number.
    pub(super) value: i64,
}

/// A value with labels whose names are known.
pub(super) fn sample<const N: usize>(
    labels: [(&'static str, impl Display); N],
    value: i64,
) -> Sample {
    let labels = labels.into_iter().map(|(name, value)| (name, value.to_string())).collect();
    Sample { labels, value }
}

/// A value without labels.
pub(super) fn plain(value: i64) -> Sample {
    Sample { labels: Vec::new(), value }
}

/// The text up to now.
#[derive(Debug, Default)]
pub(super) struct Text(String);

impl Text {
    /// Writes a family of gauges, unless it has no samples. Of two samples with the same labels, which no reader would take, the
    /// first counts.
    pub(super) fn family(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = Sample>,
    ) {
        let mut written = BTreeSet::new();
        for Sample { labels, value } in samples {
            let labels = in_braces(&labels);
            if written.is_empty() {
                self.0.push_str(&format!("# HELP {name} {help}\n# TYPE {name} gauge\n"));
            }
            if !written.contains(&labels) {
                self.0.push_str(&format!("{name}{labels} {value}\n"));
                written.insert(labels);
            }
        }
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

fn in_braces(labels: &[(&'static str, String)]) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let one = |(name, value): &(&str, String)| format!("{name}=\"{}\"", escaped(value));
    format!("{{{}}}", labels.iter().map(one).collect::<Vec<_>>().join(","))
}

/// The value of a label between its quotes.
fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}
