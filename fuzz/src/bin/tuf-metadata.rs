//! Any bytes as metadata of any role: an error, never a panic, and nothing is verified that nobody signed.
#![no_main]

use bytes::Bytes;
use fuzz::tuf::repository;
use trust::{Draft, Role, Root, RootPhase, Snapshot, Targets, Timestamp};

thread_local! {
    static ROOT: RootPhase = repository::root();
}

fn read<T: Role>(bytes: Bytes, root: &Root) {
    let verified = Draft::<T>::parse(bytes).and_then(|draft| draft.verify(root));
    assert!(verified.is_err(), "the fuzzer has no key");
}

fuzz::target!(|input| {
    let Some((role, bytes)) = input.split_first() else { return };
    let bytes = Bytes::copy_from_slice(bytes);
    ROOT.with(|root| check(*role, bytes, root));
});

fn check(role: u8, bytes: Bytes, root: &RootPhase) {
    match role % 5 {
        0 => read::<Timestamp>(bytes, root.root()),
        1 => read::<Snapshot>(bytes, root.root()),
        2 => read::<Targets>(bytes, root.root()),
        // Its own keys have signed it, or nobody: it starts a chain of its own.
        3 => drop(RootPhase::start(bytes)),
        // Signed contents of any kind.
        _ => drop(
            Draft::<Targets>::parse(repository::sign(&bytes)).and_then(|it| it.verify(root.root())),
        ),
    }
}
