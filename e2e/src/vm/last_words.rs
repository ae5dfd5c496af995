//! What a kernel says when it panics survives the restart, in the firmware's variables.

use gptprio::SetId;

use super::case::{Case, Failure};
use super::expect::{came_up, ended, says};
use super::host::Host;
use super::host_files::TRIES;
use super::release::Flavour;
use super::system::SystemBench;

/// The cases.
pub(super) const CASES: &[Case<SystemBench>] = &[
    Case {
        name: "panic-is-told",
        holds: "an update whose system panics gives way, and the old set tells with which words",
        run: panic_is_told,
    },
    Case {
        name: "panics-after-health",
        holds: "a set that panics again and again after it was marked good gives way, too",
        run: panics_after_health,
    },
    Case {
        name: "first-program-is-told",
        holds: "an update whose first program gives up gives way, and the old set tells why",
        run: first_program_is_told,
    },
];

/// More starts than any set has tries.
const MANY: usize = 8;

fn panics_after_health(bench: &SystemBench) -> Result<(), Failure> {
    let host = Host::with_releases(bench, &[("1.1.0", Flavour::Good)])?;
    let said = host.boot(&["updog health", "updog update"])?;
    ended(&said, "updog update", 0)?;
    for _ in 0..MANY {
        let said = host.boot(&["updog health", "updog status", "panic"])?;
        if said.has("guest: told that set A was started") {
            return says(&said, "1.1.0 failed here and is not taken again: kernel panic");
        }
        says(&said, "Kernel panic - not syncing: sysrq triggered crash")?;
    }
    Err(Failure::new(&format!("set B was started {MANY} times, and panicked each time")))
}

fn first_program_is_told(bench: &SystemBench) -> Result<(), Failure> {
    let host = Host::with_releases(bench, &[("1.1.0", Flavour::NoFirstProgram)])?;
    let said = host.boot(&["updog health", "updog update"])?;
    ended(&said, "updog update", 0)?;
    for _ in 0..TRIES {
        says(&host.boot(&[])?, "waystone: cannot boot: cannot start /sbin/nothing")?;
    }
    let said = host.boot(&["updog health", "updog status"])?;
    came_up(&said, SetId::A, "1.0.0")?;
    ended(&said, "updog health", 0)?;
    says(&said, "1.1.0 failed here and is not taken again: ")?;
    says(&said, "cannot start /sbin/nothing")
}

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
