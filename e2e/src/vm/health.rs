//! Releases that start and are not well: what their health says, who restarts the machine, and what is remembered of it.

use std::time::Duration;

use gptprio::SetId;

use super::case::{Case, Failure, ensure};
use super::console::Said;
use super::expect::{bits, ended, is_up, never_says, says};
use super::host::Host;
use super::host_files::TRIES;
use super::release::{COMPLAINT, Flavour};
use super::system::SystemBench;

/// What a host does at each boot.
pub(super) const HEALTH: &str = "updog health";

/// What the kernel says when it restarts because it was asked to.
pub(super) const RESTARTS: &str = "reboot: Restarting system";

/// What the kernel says when nobody fed its watchdog.
const EXPIRED: &str = "Kernel panic - not syncing: Software Watchdog Timer expired";

/// Every case.
pub(super) const CASES: &[Case<SystemBench>] = &[
    Case {
        name: "health-marks-good",
        holds: "an update over HTTP whose checks pass is marked good and has new tries; a restart forgets neither",
        run: marks_good,
    },
    Case {
        name: "health-check-fails",
        holds: "an update whose check fails restarts as often as it had tries, and the reason is in the status",
        run: check_fails,
    },
    Case {
        name: "health-check-passes-late",
        holds: "one whose check would pass after the time limit does too",
        run: passes_late,
    },
    Case {
        name: "hangs-before-health",
        holds: "one that hangs before anybody looks at its health is ended by the watchdog, and is not forgotten",
        run: hangs,
    },
    Case {
        name: "health-cannot-look",
        holds: "one whose configuration makes no sense gives way, and the old set tells what was wrong",
        run: cannot_look,
    },
    Case {
        name: "flipped-bit-unread",
        holds: "one with a flipped bit where no start reads is found out before it is marked good, and the block is named",
        run: flipped_bit_unread,
    },
    Case {
        name: "health-itself-hangs",
        holds: "one whose health check stops the program that looks at its health is ended by the watchdog",
        run: health_itself_hangs,
    },
    Case {
        name: "restart-command-does-nothing",
        holds: "one that fails its check and does not restart when it is told to is restarted by the kernel",
        run: restart_does_nothing,
    },
    Case {
        name: "failed-version-not-taken-again",
        holds: "a version that failed here is not taken when it is offered again; a newer one is, and so is it once it is cleared",
        run: not_taken_again,
    },
    Case {
        name: "breaks-on-tenth-boot",
        holds: "a set that was marked good nine times and is damaged then gives way, and the status says what is damaged",
        run: breaks_on_tenth_boot,
    },
];

fn marks_good(bench: &SystemBench) -> Result<(), Failure> {
    let host = updated_to(bench, Flavour::Good)?;
    let said = host.boot(&[HEALTH, "updog status"])?;
    is_up(&said, SetId::B, "1.1.0")?;
    ended(&said, HEALTH, 0)?;
    let good = host.disk.sets()?.bits(SetId::B);
    ensure(good == Some(bits(2, TRIES, true)), || format!("the bits of set B are {good:?}"))?;
    let said = host.boot(&[HEALTH, "updog status"])?;
    is_up(&said, SetId::B, "1.1.0")?;
    says(&said, "1.1.0 in set B: good; 2 starts, 2 good")?;
    never_says(&said, "failed here")
}

fn check_fails(bench: &SystemBench) -> Result<(), Failure> {
    let host = updated_to(bench, Flavour::FailsCheck)?;
    let said = gives_way(&host, |said| {
        says(said, "1.1.0 in set B is not good: health check guest: restart")?;
        says(said, RESTARTS)
    })?;
    failed(&said, "health check guest")?;
    says(&said, COMPLAINT)
}

fn passes_late(bench: &SystemBench) -> Result<(), Failure> {
    let host = updated_to(bench, Flavour::PassesLate)?;
    let said = gives_way(&host, |said| says(said, RESTARTS))?;
    failed(&said, "health check guest")?;
    says(&said, "killed: did not end within the time limit")
}

fn hangs(bench: &SystemBench) -> Result<(), Failure> {
    let host = updated_to(bench, Flavour::Hangs)?;
    let said = gives_way(&host, |said| {
        says(said, "guest: step hang")?;
        says(said, EXPIRED)
    })?;
    failed(&said, "time-out")
}

fn cannot_look(bench: &SystemBench) -> Result<(), Failure> {
    let host = updated_to(bench, Flavour::BadSettings)?;
    let said = gives_way(&host, |said| says(said, RESTARTS))?;
    failed(&said, "health could not run: ")
}

fn flipped_bit_unread(bench: &SystemBench) -> Result<(), Failure> {
    let host = updated_to(bench, Flavour::Good)?;
    host.disk.flip(host.disk.kernel_copy(SetId::B)? + (1 << 20))?;
    let said = gives_way(&host, |said| {
        says(said, "1.1.0 in set B is not good: corruption: ")?;
        says(said, RESTARTS)
    })?;
    failed(&said, "corruption: ")
}

fn health_itself_hangs(bench: &SystemBench) -> Result<(), Failure> {
    let host = updated_to(bench, Flavour::StopsHealth)?;
    let said = host.boot(&[HEALTH])?;
    // What a check says is kept by the program that it stops.
    says(&said, "health check guest")?;
    never_says(&said, "guest: verdict")?;
    never_says(&said, "is not good")?;
    says(&said, EXPIRED)
}

fn restart_does_nothing(bench: &SystemBench) -> Result<(), Failure> {
    let host = updated_to(bench, Flavour::CannotRestart)?;
    let said = host.boot(&[HEALTH])?;
    says(&said, "1.1.0 in set B is not good: health check guest: restart")?;
    never_says(&said, "guest: verdict")?;
    let (told, restarts) = (said.when("is not good"), said.when(RESTARTS));
    let waited = restarts.zip(told).map(|(restarts, told)| restarts.saturating_sub(told));
    ensure(waited.is_some_and(|waited| waited > Duration::from_secs(60)), || {
        format!("the kernel restarted the machine after {waited:?}:\n{said}")
    })
}

fn not_taken_again(bench: &SystemBench) -> Result<(), Failure> {
    let host = updated_to(bench, Flavour::FailsCheck)?;
    gives_way(&host, |_| Ok(()))?;
    let forced = "updog update --image 1.1.0";
    let said = host.boot(&["updog update", forced])?;
    is_up(&said, SetId::A, "1.0.0")?;
    ended(&said, "updog update", 3)?;
    says(&said, "failed on this host: health check guest")?;
    ended(&said, forced, 4)?;
    host.publish("1.2.0", Flavour::Good)?;
    let (clear, again) = ("updog clear-failure 1.1.0", "updog update --image 1.1.0 --dry-run");
    let said = host.boot(&["updog update", clear, again])?;
    [("updog update", 0), (clear, 0), (again, 0)]
        .into_iter()
        .try_for_each(|(step, code)| ended(&said, step, code))?;
    let said = host.boot(&[HEALTH])?;
    is_up(&said, SetId::B, "1.2.0")?;
    ended(&said, HEALTH, 0)
}

fn breaks_on_tenth_boot(bench: &SystemBench) -> Result<(), Failure> {
    let host = updated_to(bench, Flavour::Good)?;
    for _ in 1..10 {
        let said = host.boot(&[HEALTH])?;
        is_up(&said, SetId::B, "1.1.0")?;
        ended(&said, HEALTH, 0)?;
    }
    host.disk.flip(host.disk.parts(SetId::B)?.root.start + 1024 + 100)?;
    let said = gives_way(&host, |said| says(said, "dm-verity device corrupted"))?;
    failed(&said, "corruption: ")?;
    is_up(&host.boot(&[HEALTH])?, SetId::A, "1.0.0")
}

/// A host that runs set A, marked good by its own health, and has updated itself to 1.1.0 of some kind.
fn updated_to(bench: &SystemBench, flavour: Flavour) -> Result<Host<'_>, Failure> {
    let host = Host::with_releases(bench, &[("1.1.0", flavour)])?;
    let said = host.boot(&[HEALTH, "updog update"])?;
    ended(&said, HEALTH, 0)?;
    ended(&said, "updog update", 0)?;
    Ok(host)
}

/// Set B is started as often as it has tries, each time without a verdict; then set A runs, is well, and tells its status.
fn gives_way(
    host: &Host<'_>,
    each: impl Fn(&Said) -> Result<(), Failure>,
) -> Result<Said, Failure> {
    gives_way_taking(host, &[HEALTH, "updog status"], each)
}

/// The same, and set A takes these steps, its health among them.
pub(super) fn gives_way_taking(
    host: &Host<'_>,
    last: &[&str],
    each: impl Fn(&Said) -> Result<(), Failure>,
) -> Result<Said, Failure> {
    for _ in 0..TRIES {
        let said = host.boot(&[HEALTH])?;
        says(&said, "waystone: starting set B")?;
        never_says(&said, "guest: verdict")?;
        each(&said)?;
    }
    let said = host.boot(last)?;
    is_up(&said, SetId::A, "1.0.0")?;
    ended(&said, HEALTH, 0)?;
    Ok(said)
}

/// The status knows that 1.1.0 failed, and why.
pub(super) fn failed(said: &Said, why: &str) -> Result<(), Failure> {
    says(said, &format!("1.1.0 failed here and is not taken again: {why}"))
}
