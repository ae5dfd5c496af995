//! Settings on their way from release to release: `migrator` runs in each boot, before its health is looked at.

use gptprio::SetId;

use super::case::{Case, Failure};
use super::console::Said;
use super::expect::{ended, is_up, never_says, says};
use super::health::{HEALTH, RESTARTS, failed, gives_way_taking};
use super::host::Host;
use super::record::{Record, cuts};
use super::release::{CARRY, Flavour};
use super::system::SystemBench;
use super::write_log::Chance;

/// What 1.1.0 does to them, by the names of the programs in `fixtures/migrations`.
const MIGRATIONS: [&str; 2] = ["hostname", "registry-mirror"];

/// What an installer leaves.
const SETTLE: &str =
    "settle 1.0.0 settings/host/name=\"tiny-7\" settings/registry/mirror=\"registry.example:5000\"";

/// What was changed under the newer release is told.
const DIFF: &str = "migrator diff --datastore-path /var/lib/waystone/datastore";

/// A change to what cannot be split, made after the update was tried out.
const UNFIT: &str = "set settings/registry/mirror=\"registry.example\"";

/// Cuts that are booted.
const BOOTS: usize = 4;

/// Every case.
pub(super) const CASES: &[Case<SystemBench>] = &[
    Case {
        name: "settings-go-along",
        holds: "an update's first boot carries the settings to their new names, and the one after a rollback to the old ones",
        run: go_along,
    },
    Case {
        name: "settings-cannot-go-along",
        holds: "an update whose migration fails is no good one: the old set is back by itself with the settings as they were, and the status says why",
        run: cannot_go_along,
    },
    Case {
        name: "power-cut-settings",
        holds: "wherever power is lost while settings are carried: the next boot carries them, whole",
        run: cut,
    },
];

fn go_along(bench: &SystemBench) -> Result<(), Failure> {
    let host = updated(bench, Flavour::Good, &[])?;
    let said = host.boot(&[
        CARRY,
        "settings",
        "set settings/network/hostname=\"tiny-9\"",
        "updog rollback --reboot",
    ])?;
    says(&said, "waystone: starting set B")?;
    ended(&said, CARRY, 0)?;
    are_new(&said)?;
    says(&said, "guest: restarts")?;
    let said = host.boot(&[CARRY, "settings", DIFF])?;
    is_up(&said, SetId::A, "1.0.0")?;
    ended(&said, CARRY, 0)?;
    ended(&said, DIFF, 0)?;
    says(&said, "settings.host.name: \"tiny-7\" -> \"tiny-9\"")?;
    says(&said, "guest: setting settings/host/name=\"tiny-7\"")?;
    says(&said, "guest: setting settings/registry/mirror=\"registry.example:5000\"")?;
    never_says(&said, "guest: setting settings/network/")?;
    never_says(&said, "guest: setting settings/registry/mirror-")
}

fn cannot_go_along(bench: &SystemBench) -> Result<(), Failure> {
    let host = updated(bench, Flavour::Carries, &[UNFIT])?;
    let said = gives_way_taking(&host, &[CARRY, HEALTH, "settings", "updog status"], |said| {
        ended(said, CARRY, 1)?;
        says(said, "migration migrate_v1.1.0_registry-mirror.lz4 failed")?;
        says(said, RESTARTS)
    })?;
    ended(&said, CARRY, 0)?;
    failed(&said, "health check guest")?;
    says(&said, "migrator ended with 1")?;
    says(&said, "guest: setting settings/host/name=\"tiny-7\"")?;
    says(&said, "guest: setting settings/registry/mirror=\"registry.example\"")
}

fn cut(bench: &SystemBench) -> Result<(), Failure> {
    let host = updated(bench, Flavour::Good, &[])?;
    let record = Record::of(&host, CARRY)?;
    for cut in cuts(&mut Chance(4), (0, record.len()), BOOTS) {
        let (said, _) = record.boots(cut, &[CARRY, "settings"])?;
        let told = |why| Failure::new(&format!("{cut:?}: {why}"));
        ended(&said, CARRY, 0).and_then(|()| are_new(&said)).map_err(told)?;
    }
    Ok(())
}

/// A host with settings that runs set A and has updated itself to 1.1.0, which has other names for them; then it takes these steps.
fn updated<'a>(
    bench: &'a SystemBench,
    flavour: Flavour,
    then: &[&str],
) -> Result<Host<'a>, Failure> {
    let host = Host::with_releases(bench, &[])?;
    host.publish_carrying("1.1.0", flavour, &MIGRATIONS)?;
    let said = host.boot(&[&[SETTLE, "updog update"], then].concat())?;
    is_up(&said, SetId::A, "1.0.0")?;
    ended(&said, "updog update", 0)?;
    Ok(host)
}

/// The settings have their new names only, and the values of before.
fn are_new(said: &Said) -> Result<(), Failure> {
    for setting in [
        "network/hostname=\"tiny-7\"",
        "registry/mirror-host=\"registry.example\"",
        "registry/mirror-port=\"5000\"",
    ] {
        says(said, &format!("guest: setting settings/{setting}"))?;
    }
    never_says(said, "guest: setting settings/host/")?;
    never_says(said, "guest: setting settings/registry/mirror=")
}
