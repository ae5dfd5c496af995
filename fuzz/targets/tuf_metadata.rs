//! Any bytes as metadata of any role: an error, never a panic, and nothing is verified that nobody signed.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use trust::{Draft, Role, Root, RootPhase, Snapshot, Targets, Timestamp};

#[path = "repository.rs"]
#[allow(dead_code)]
mod repository;

fn read<T: Role>(bytes: Bytes, root: &Root) {
    let verified = Draft::<T>::parse(bytes).and_then(|draft| draft.verify(root));
    assert!(verified.is_err(), "the fuzzer has no key");
}

fuzz_target!(|input: &[u8]| {
    let Some((role, bytes)) = input.split_first() else { return };
    let bytes = Bytes::copy_from_slice(bytes);
    let root = repository::root();
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
});
