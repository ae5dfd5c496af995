//! Any bytes as a build report: refused, or written and read again as the same.
#![no_main]

use fuzz::limits;
use manifest::report::BuildReport;

fuzz::target!(|input| {
    let read = |bytes: &[u8]| serde_json::from_slice::<BuildReport>(bytes);
    let Ok(report) = limits::within((64 << 10) + 8 * input.len(), || read(input)) else { return };
    let written = serde_json::to_vec(&report).expect("a report has a form in JSON");
    assert_eq!(read(&written).expect("it was written"), report);
});
