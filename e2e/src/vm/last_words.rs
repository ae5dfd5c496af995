//! What a kernel says when it panics survives the restart, in the firmware's variables.

use gptprio::SetId;

use super::case::{Case, Failure};
use super::expect::{came_up, ended, says};
use super::host::Host;
use super::release::Flavour;
use super::system::SystemBench;

/// The one case.
pub(super) const CASES: &[Case<SystemBench>] = &[Case {
    name: "panic-is-told",
    holds: "an update whose system panics gives way, and the old set tells with which words",
    run: panic_is_told,
}];

fn panic_is_told(bench: &SystemBench) -> Result<(), Failure> {
    let host = Host::with_releases(bench, &[("1.1.0", Flavour::Good)])?;
    let said = host.boot(&["updog health", "updog update"])?;
    ended(&said, "updog update", 0)?;
    for _ in 0..3 {
        let said = host.boot(&["panic"])?;
        says(&said, "guest: told that set B was started")?;
        says(&said, "Kernel panic - not syncing: sysrq triggered crash")?;
    }
    let said = host.boot(&["updog health", "updog status"])?;
    came_up(&said, SetId::A, "1.0.0")?;
    ended(&said, "updog health", 0)?;
    says(&said, "1.1.0 in set B: failed: kernel panic: sysrq triggered crash")
}
