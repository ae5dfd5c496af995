//! Debian with systemd and with Debian's policy for SELinux, which is enforced from labels that were made with the image.
//!
//! The root is read-only and verified, so nothing is labelled at boot. The guest tells what was denied, how many audit events
//! were lost, and what `restorecon` would label otherwise; then it provokes a denial, so that none is known to mean none.

mod root;

use std::fs;
use std::time::Duration;

use super::case::{Case, Failure, Places, make_anew};
use super::console::Said;
use super::expect::{never_says, says};
use super::machine::Machine;

/// Four times what it takes on a quiet machine, and more.
const PATIENCE: Duration = Duration::from_secs(600);

/// What the guest says last.
const VERDICT: &str = "guest: verdict: ";

/// The verdict of a system that is as it should be.
const GOOD: &str = "guest: verdict: enforcing, nothing denied";

/// Every case.
pub const CASES: &[Case<Places>] = &[
    Case {
        name: "selinux-enforcing",
        holds: "Debian's policy is enforced from the labels of the image: systemd and a service run, nothing is denied",
        run: enforcing,
    },
    Case {
        name: "selinux-unlabelled",
        holds: "the same system without labels in its image never leaves the kernel's domain, and says so",
        run: unlabelled,
    },
];

fn enforcing(places: &Places) -> Result<(), Failure> {
    check(&boot(places, root::LABELS)?)
}

fn unlabelled(places: &Places) -> Result<(), Failure> {
    let said = boot(places, "")?;
    says(&said, "guest: first program: system_u:system_r:kernel_t:s0")?;
    never_says(&said, GOOD)
}

/// Starts a system of its own, and listens until it gave its verdict.
fn boot(places: &Places, labels: &str) -> Result<Said, Failure> {
    make_anew(&places.folder)?;
    let disk = root::disk(&places.target, &places.folder, labels)?;
    let machine = Machine::new(&places.folder, &disk).memory(768).with(&["-smp", "2"]);
    let said = machine.patience(PATIENCE).boot("1", &[VERDICT])?;
    // The console is kept; the disk is large, and made again.
    fs::remove_file(&disk).map_err(|cause| Failure::io("remove", &disk, &cause))?;
    Ok(said)
}

fn check(said: &Said) -> Result<(), Failure> {
    for text in [
        "waystone: set A: root is vda4 (erofs), verified with vda5",
        "guest: system: running",
        "guest: mode: Enforcing",
        "guest: first program: system_u:system_r:init_t:s0",
        "guest: service: system_u:system_r:waystone_signpost_t:s0",
        "guest: service said: running        set A",
        "guest: denials: 0; audit events: ",
        "with another label than libselinux gives: 0",
        GOOD,
    ] {
        says(said, text)?;
    }
    let provoked = "scontext=system_u:system_r:waystone_signpost_t:s0 \
                    tcontext=system_u:object_r:shadow_t:s0 tclass=file permissive=0";
    says(said, provoked)
}
