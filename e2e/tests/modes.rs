//! What our programs make, and who may read and write it: the same for every umask but for what that takes away.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use e2e::programs::{self, finished};
use e2e::world::{NEW, OLD, World, text, write};
use gptprio::SetId;

/// Runs one of our programs with a umask, which must do what it is asked to.
fn run(umask: &str, program: &str, arguments: &[&str]) {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &format!("umask {umask} && exec \"$0\" \"$@\"")]);
    let done = finished(shell.arg(programs::command(program).get_program()).args(arguments));
    assert_eq!(done.code, 0, "{program} {arguments:?}: {}{}", done.stdout, done.stderr);
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Every file and folder of a tree, links left out: they have no mode of their own.
fn tree(top: &Path, found: &mut Vec<std::path::PathBuf>) {
    if top.is_symlink() {
        return;
    }
    found.push(top.to_owned());
    if top.is_dir() {
        fs::read_dir(top).unwrap().for_each(|entry| tree(&entry.unwrap().path(), found));
    }
}

/// Nothing in these trees has a right that is not in `file` or `folder`, and their owner has all that is needed.
fn are_within(world: &World, tops: &[&str], (file, folder): (u32, u32)) {
    let mut found = Vec::new();
    tops.iter().for_each(|top| tree(&world.path(top), &mut found));
    assert!(found.len() >= tops.len());
    for path in found {
        let (is, may) = (mode(&path), if path.is_dir() { folder } else { file });
        assert_eq!(is & !may, 0, "{} is {is:o}, not within {may:o}", path.display());
        assert_eq!(is & 0o600, 0o600, "{} is {is:o}", path.display());
    }
}

/// The folders in which a host keeps what it knows.
const HOST: [&str; 3] = ["state", "cache", "migrations"];

/// Publishes a release with a migration into the world's repository.
fn publish(world: &World, umask: &str) {
    let folder = world.path("migrations-of");
    fs::create_dir(&folder).unwrap();
    write(&folder.join("migrate_v1.1.0_first"), "first");
    let listing =
        format!("[[migrations]]\nfrom = '{OLD}'\nto = '{NEW}'\nfiles = ['migrate_v1.1.0_first']\n");
    write(&folder.join("migrations.toml"), listing);
    let (repo, keys, parts) = (world.path("repo"), world.path("keys"), world.parts(NEW));
    let arguments = ["release", "add", "--repo", text(&repo), "--keys", text(&keys)];
    // The quickest way to a release.
    let more = ["--parts", text(&parts), "--migrations", text(&folder), "--images", "lz4"];
    run(umask, "repo-tools", &[&arguments[..], &more[..]].concat());
}

/// Everything that a host does, from nothing to a start that was judged.
fn live(world: &World, umask: &str) {
    let health = "[health]\nwatchdog = 'none'\nchecks_dirs = []\npstore_dirs = []\n\
        [agent]\nrestart = 'off'\nhooks_dirs = []\n";
    world.configure(health);
    // The seed is made where none is configured.
    let config = fs::read_to_string(world.path("updog.toml")).unwrap();
    write(&world.path("updog.toml"), config.replace("seed = 7\n", "ignore_waves = true\n"));
    fs::create_dir_all(world.path("metrics")).unwrap();
    let updog = |active, arguments: &[&str]| {
        run(umask, "updog", &world.updog_arguments(active, arguments));
    };
    for command in ["check-update", "prepare", "update-image", "update-apply"] {
        updog(SetId::A, &[command]);
    }
    world.os_release("small", NEW);
    updog(SetId::B, &["health"]);
    updog(SetId::B, &["agent", "--once"]);
    updog(SetId::B, &["pause"]);
    updog(SetId::B, &["metrics", "--textfile", text(&world.path("metrics"))]);
}

/// Everything that a publisher does, once more and elsewhere.
fn author(world: &World, umask: &str) {
    let path = |name: &str| text(&world.path(name)).to_owned();
    let [repo, keys, parts, disk] = ["repo-2", "keys-2", "parts-2", "disk-2.img"].map(path);
    let (spec, rootfs) = (path("image.toml"), path(&format!("rootfs-{NEW}")));
    let build = ["build", "--spec", &spec, "--rootfs", &rootfs, "--version", NEW, "--out", &parts];
    run(umask, "image-builder", &build);
    run(umask, "image-builder", &["disk", "--parts", &parts, "--out", &disk]);
    run(umask, "repo-tools", &["init", "--repo", &repo, "--keys", &keys]);
    let add = ["release", "add", "--repo", &repo, "--keys", &keys, "--parts", &parts];
    run(umask, "repo-tools", &add);
    run(umask, "repo-tools", &["refresh", "--repo", &repo, "--keys", &keys]);
    for bundle in ["bundle", "bundle.tar"].map(path) {
        run(umask, "repo-tools", &["mirror", "--repo", &repo, "--to", &bundle]);
    }
}

#[test]
fn what_a_host_keeps_is_its_owners_alone_whatever_the_umask() {
    for umask in ["000", "077"] {
        let world = World::unpublished();
        publish(&world, umask);
        live(&world, umask);
        for folder in HOST {
            assert_eq!(mode(&world.path(folder)), 0o700, "{folder} under {umask}");
        }
        let records =
            ["boots", "agent", "checked", "orders", "seed"].map(|name| format!("{name}.json"));
        let locks = ["boots", "agent"].map(|name| format!("{name}.lock"));
        for file in records.iter().chain(&locks) {
            assert_eq!(mode(&world.path("state").join(file)), 0o600, "{file} under {umask}");
        }
        // Whoever collects them is not root.
        assert_eq!(mode(&world.path("metrics/updog.prom")), 0o644, "under {umask}");
        assert!(world.path("migrations/current/targets").is_dir(), "a migration was kept");
        are_within(&world, &HOST, (0o644, 0o755));
    }
}

#[test]
fn nobody_else_can_write_what_a_publisher_makes_nor_read_its_keys_whatever_the_umask() {
    const PUBLIC: [&str; 5] = ["repo-2", "parts-2", "disk-2.img", "bundle", "bundle.tar"];
    let world = World::unpublished();
    for (umask, file, folder) in [("000", 0o644, 0o755), ("077", 0o600, 0o700)] {
        author(&world, umask);
        are_within(&world, &PUBLIC, (file, folder));
        are_within(&world, &["keys-2"], (0o600, 0o700));
        assert_eq!(mode(&world.path("repo-2/metadata/timestamp.json")), file, "under {umask}");
        assert_eq!(mode(&world.path("disk-2.img")), file, "under {umask}");
        for name in PUBLIC.iter().chain(&["keys-2"]) {
            let path = world.path(name);
            let gone = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
            gone.unwrap();
        }
    }
}
