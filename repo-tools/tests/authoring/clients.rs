//! Clients that are not ours: python-tuf over HTTP, tough over files.

use std::path::PathBuf;
use std::process::{Command, Output};

use repo_tools::{Depth, Init, KeyType, Unobserved, refresh, withdraw};
use tough::{IntoVec, RepositoryLoader, TargetName};
use url::Url;

use crate::packs;
use crate::program::Served;
use crate::world::{World, block_on, selector};

/// The Python that has python-tuf.
fn python() -> PathBuf {
    let ours = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/venv/bin/python");
    let python = std::env::var_os("WAYSTONE_PYTHON").map_or(ours, PathBuf::from);
    assert!(
        python.exists(),
        "there is no {}: run 'cargo xtask setup', or set WAYSTONE_PYTHON to a Python with python-tuf",
        python.display()
    );
    python
}

/// One run of python-tuf's client, which keeps its metadata in `client` from run to run.
fn python_tuf(world: &World, served: &Served, names: &[&str]) -> Output {
    let root = world.metadata("1.root.json");
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/authoring/python_tuf.py");
    let mut command = Command::new(python());
    command.arg(script).arg(root).arg(served.url()).arg(world.path("client"));
    command.args(names).output().unwrap()
}

/// Fetches the manifest, every image and every pack with python-tuf.
fn python_accepts(world: &World, served: &Served) {
    let updates = world.manifest().updates;
    let images = updates.iter().flat_map(|update| update.images.names());
    let packs = updates.iter().flat_map(|update| &update.packs).map(|pack| pack.target.as_str());
    let names: Vec<&str> = std::iter::once("manifest.json").chain(images).chain(packs).collect();
    let output = python_tuf(world, served, &names);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let repository = world.client("ours").unwrap();
    for name in names {
        let fetched = std::fs::read(world.path("client/targets").join(name)).unwrap();
        assert_eq!(fetched, world.target(&repository, name), "{name}");
    }
}

#[test]
fn python_tuf_accepts_a_repository_through_its_whole_life() {
    let mut world = World::empty();
    // python-tuf reads the clock.
    world.author.now = chrono::Utc::now();
    let thresholds = [("root", 2), ("targets", 2)].into_iter().collect();
    world.init(&Init { thresholds, ..Init::default() });
    let served = Served::start(&world.path("repo"));
    python_accepts(&world, &served);
    world.add("1.0.0").unwrap();
    python_accepts(&world, &served);
    world.add("1.1.0").unwrap();
    python_accepts(&world, &served);
    refresh(&world.author, Depth::Timestamp, &mut Unobserved).unwrap();
    python_accepts(&world, &served);
    refresh(&world.author, Depth::Root, &mut Unobserved).unwrap();
    python_accepts(&world, &served);
    withdraw(&world.author, &selector("1.1.0"), &mut Unobserved).unwrap();
    python_accepts(&world, &served);
}

#[test]
fn python_tuf_accepts_every_kind_of_key() {
    for key_type in [KeyType::Ecdsa, KeyType::Rsa] {
        let mut world = World::empty();
        world.author.now = chrono::Utc::now();
        world.init(&Init { key_type, ..Init::default() });
        world.add("1.0.0").unwrap();
        python_accepts(&world, &Served::start(&world.path("repo")));
    }
}

#[test]
fn python_tuf_refuses_what_was_not_published() {
    let mut world = World::empty();
    world.author.now = chrono::Utc::now();
    world.init(&Init::default());
    let served = Served::start(&world.path("repo"));
    let output = python_tuf(&world, &served, &["absent"]);
    assert!(!output.status.success());
    let path = world.metadata("timestamp.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace(r#""version":1"#, r#""version":2"#)).unwrap();
    let output = python_tuf(&world, &served, &["manifest.json"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("UnsignedMetadataError"), "{error}");
}

/// A repository of now in which 1.1.0 has a pack.
fn with_pack() -> World {
    let mut world = World::empty();
    world.author.now = chrono::Utc::now();
    world.init(&Init::default());
    packs::publish(&world, 0);
    packs::publish(&world, 1);
    assert_eq!(world.update("1.1.0").packs.len(), 1);
    world
}

#[test]
fn python_tuf_accepts_packs_and_what_is_beside_them() {
    let world = with_pack();
    python_accepts(&world, &Served::start(&world.path("repo")));
}

#[test]
fn tough_accepts_packs_and_what_is_beside_them() {
    let world = with_pack();
    let ours = world.client("ours").unwrap();
    for name in ["small-x86_64-1.1.0-from-1.0.0.pack", "small-x86_64-1.1.0-boot.img.lz4"] {
        assert_eq!(tough_reads(&world, name), world.target(&ours, name));
    }
}

/// A target, as tough's client reads it.
fn tough_reads(world: &World, name: &str) -> Vec<u8> {
    let root = std::fs::read(world.metadata("1.root.json")).unwrap();
    let url = |path: &std::path::Path| Url::from_directory_path(path).unwrap();
    let layout = &world.author.layout;
    let (metadata, targets) = (url(layout.metadata()), url(layout.targets()));
    block_on(async {
        let loader = RepositoryLoader::new(&root, metadata, targets);
        let repository = loader.load().await.unwrap();
        let name = TargetName::new(name).unwrap();
        repository.read_target(&name).await.unwrap().unwrap().into_vec().await.unwrap()
    })
}

#[test]
fn tough_accepts_a_repository() {
    for key_type in [KeyType::Ed25519, KeyType::Ecdsa, KeyType::Rsa] {
        let mut world = World::empty();
        world.author.now = chrono::Utc::now();
        world.init(&Init { key_type, ..Init::default() });
        world.add("1.0.0").unwrap();
        refresh(&world.author, Depth::Root, &mut Unobserved).unwrap();
        let name = "small-x86_64-1.0.0-root.img.lz4";
        let fetched = tough_reads(&world, name);
        let ours = world.client("ours").unwrap();
        assert_eq!(fetched, world.target(&ours, name));
    }
}
