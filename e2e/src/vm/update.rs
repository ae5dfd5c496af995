//! Updating over HTTP, and going back.

use gptprio::{BootBits, SetId};

use super::case::{Case, Failure, ensure};
use super::expect::{are, bits, ended, is_up, never_says, says};
use super::host::Host;
use super::release::Flavour;
use super::system::SystemBench;

/// Every case.
pub(super) const CASES: &[Case<SystemBench>] = &[
    Case {
        name: "update-over-http",
        holds: "1.0.0 updates itself to 1.1.0 over HTTP, which boots and is marked good; 1.0.0 is still there",
        run: update_over_http,
    },
    Case {
        name: "update-by-pack",
        holds: "a host that runs a published release fetches a delta pack, and what it makes of it boots",
        run: update_by_pack,
    },
    Case {
        name: "operator-rolls-back",
        holds: "an operator's rollback, and forward again, take a command and a restart each",
        run: operator_rolls_back,
    },
    Case {
        name: "operator-reverts",
        holds: "an update that is reverted before the restart does not boot",
        run: operator_reverts,
    },
];

fn update_over_http(bench: &SystemBench) -> Result<(), Failure> {
    let host = Host::with_releases(bench, &[("1.1.0", Flavour::Good)])?;
    let said = host.boot(&["updog check-update", "updog update"])?;
    is_up(&said, SetId::A, "1.0.0")?;
    ended(&said, "updog check-update", 0)?;
    ended(&said, "updog update", 0)?;
    let (old, new) = (bench.system.first()?, host.release("1.1.0", Flavour::Good)?);
    ensure(host.disk.holds(SetId::B, &new)?, || "set B does not hold 1.1.0".to_owned())?;
    are(host.disk.sets()?, bits(1, 0, true), bits(2, 3, false))?;
    let said = host.boot(&["signpost mark-successful-boot", "updog status", "updog update"])?;
    is_up(&said, SetId::B, "1.1.0")?;
    ended(&said, "signpost mark-successful-boot", 0)?;
    says(&said, "guest: | running tiny 1.1.0 from set B")?;
    ended(&said, "updog update", 3)?;
    ensure(host.disk.holds(SetId::A, &old)?, || "set A does not hold 1.0.0".to_owned())?;
    let sets = host.disk.sets()?;
    let proven = sets.bits(SetId::B).is_some_and(|bits| bits.successful);
    ensure(proven && sets.a == bits(1, 0, true), || format!("the bits are {sets:?}"))?;
    is_up(&host.boot(&[])?, SetId::B, "1.1.0")
}

fn update_by_pack(bench: &SystemBench) -> Result<(), Failure> {
    let host = Host::with_releases(bench, &[("1.0.0", Flavour::Good), ("1.1.0", Flavour::Good)])?;
    let said = host.boot(&["updog update"])?;
    says(&said, "from the pack for 1.0.0: fetch ")?;
    never_says(&said, "is fetched another way")?;
    ended(&said, "updog update", 0)?;
    let new = host.release("1.1.0", Flavour::Good)?;
    ensure(host.disk.holds(SetId::B, &new)?, || "set B does not hold 1.1.0".to_owned())?;
    is_up(&host.boot(&[])?, SetId::B, "1.1.0")
}

fn operator_rolls_back(bench: &SystemBench) -> Result<(), Failure> {
    let host = Host::new(bench)?;
    host.install("1.1.0", Flavour::Good, (bits(1, 0, true), bits(2, 0, true)))?;
    let said = host.boot(&["updog rollback --reboot"])?;
    says(&said, "guest: told that set B was started")?;
    says(&said, "guest: restarts")?;
    let said = host.boot(&["updog rollback --reboot"])?;
    says(&said, "guest: told that set A was started")?;
    says(&said, "guest: version 1.0.0")?;
    says(&said, "guest: restarts")?;
    is_up(&host.boot(&["updog status"])?, SetId::B, "1.1.0")?;
    are(host.disk.sets()?, bits(1, 0, true), bits(2, 0, true))
}

fn operator_reverts(bench: &SystemBench) -> Result<(), Failure> {
    let host = Host::with_releases(bench, &[("1.1.0", Flavour::Good)])?;
    let said = host.boot(&["updog update", "updog update-revert"])?;
    ended(&said, "updog update", 0)?;
    ended(&said, "updog update-revert", 0)?;
    is_up(&host.boot(&["updog status"])?, SetId::A, "1.0.0")?;
    let b = host.disk.sets()?.bits(SetId::B).unwrap_or(BootBits::CLEAR);
    ensure(b == bits(0, 3, false), || format!("set B has {b:?}"))
}
