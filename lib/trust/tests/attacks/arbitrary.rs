//! Arbitrary installation: targets that nobody signed for.

use trust::{Error, Repository, Target};

use crate::world::World;

async fn target() -> Target {
    let world = World::refreshed().await;
    world.offline().unwrap().target("manifest.json").unwrap()
}

#[tokio::test]
async fn an_unsigned_target_does_not_exist() {
    let world = World::refreshed().await;
    let repository = world.refresh().await.unwrap();
    assert_eq!(repository.target("other.json"), None);
    assert_eq!(repository.target("../manifest.json"), None);
    assert_eq!(Repository::targets(&repository).count(), 1);
}

#[tokio::test]
async fn the_whole_target_is_proven_in_any_pieces() {
    let target = target().await;
    for size in 1..=8 {
        let mut checker = target.checker();
        for piece in b"contents".chunks(size) {
            checker.update(piece).unwrap();
        }
        assert_eq!(checker.finish().unwrap().target(), &target);
    }
}

#[tokio::test]
async fn a_changed_target_is_refused() {
    let error = target().await.check(b"Contents").unwrap_err();
    assert!(matches!(&error, Error::WrongHash { name, .. } if name == "manifest.json"), "{error}");
}

#[tokio::test]
async fn a_truncated_target_is_refused() {
    let error = target().await.check(b"content").unwrap_err();
    assert!(matches!(error, Error::WrongLength { expected: 8, found: 7, .. }), "{error}");
}

#[tokio::test]
async fn a_longer_target_is_refused_at_its_first_byte_too_many() {
    let target = target().await;
    let mut checker = target.checker();
    checker.update(b"contents").unwrap();
    let error = checker.update(b"!").unwrap_err();
    assert_eq!(error.to_string(), "manifest.json is longer than the 8 bytes that are signed for");
    assert!(Error::from(error).is_refusal());
}

#[tokio::test]
async fn nothing_read_is_not_the_empty_rest() {
    assert!(matches!(target().await.checker().finish(), Err(Error::WrongLength { found: 0, .. })));
}

#[tokio::test]
async fn a_path_carries_the_digest_before_the_file_name() {
    let mut world = World::new();
    world.repository.add_target("folder/file", b"");
    let repository = world.refresh().await.unwrap();
    let digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(repository.target("folder/file").unwrap().path(), format!("folder/{digest}.file"));
    let flat = repository.target("manifest.json").unwrap();
    assert_eq!(flat.path(), format!("{}.manifest.json", flat.sha256().unwrap()));
}
