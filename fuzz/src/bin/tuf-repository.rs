//! Whole repositories with a few values changed and everything signed again: the phases and the search end, never panic,
//! and accept no version below a known one, nothing expired and no target under another name.
#![no_main]

use bytes::Bytes;
use chrono::{DateTime, Utc};
use fuzz::tuf::mutated::{self, NAME};
use trust::{Known, Role, RootPhase, Search, Step};

fuzz::target!(|input| {
    let files = mutated::files(input, |_| ());
    let _ = run(files, "2026-06-01T00:00:00Z".parse().expect("a time"));
});

fn run(
    [root, timestamp, snapshot, targets, x, y]: [Bytes; 6],
    now: DateTime<Utc>,
) -> trust::Result<()> {
    let nothing = Known::nothing();
    let phase = RootPhase::start(root)?.settle(now)?;
    let phase = phase.accept(&nothing, timestamp)?.not_before_signed()?;
    phase.bound(1 << 20)?;
    let phase = phase.accept(&nothing, snapshot)?;
    let repository = phase.accept(targets)?;
    assert!(
        repository.expiries().iter().all(|(_, at)| *at > now && *at > repository.verified_at())
    );
    assert!(repository.targets_metadata().version() > 0);
    for target in repository.targets() {
        assert!(repository.target(target.name()).is_some());
    }
    let mut search = Search::new(&repository, NAME, 8)?;
    for _ in 0..100 {
        match search.step()? {
            Step::Done(found) => {
                assert!(found.is_none_or(|target| target.name() == NAME));
                return Ok(());
            }
            Step::Load { role, .. } => {
                search.accept(if role == "x" { x.clone() } else { y.clone() })?
            }
        }
    }
    panic!("the search has no end");
}
