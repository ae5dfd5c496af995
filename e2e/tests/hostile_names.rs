//! Names that are signed for and lead out of where targets lie: nobody follows them, though the file is there.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;

use e2e::programs;
use e2e::world::{NEW, OLD, Part, World, text};
use gptprio::SetId;

/// Has the release's boot image be called `name`, and puts it where that leads.
fn rename(world: &World, name: &str) {
    let image = fs::read(world.target(Part::Boot)).unwrap();
    let mut manifest = world.manifest();
    manifest["updates"][0]["images"]["boot"] = name.into();
    let manifest = manifest.to_string();
    world.sign_elsewhere(&[("manifest.json", manifest.as_bytes()), (name, &image)]);
}

/// It must refuse, and say which name.
fn refuses(name: &str, program: &str, arguments: &[&str]) {
    let run = programs::run(program, arguments);
    let said = format!("{}{}", run.stdout, run.stderr);
    assert_eq!(run.code, 4, "{program} {arguments:?}: {said}");
    assert!(said.contains(name), "{name}: {said}");
}

#[test]
fn names_that_lead_out_of_the_targets_are_refused_by_hosts_bundles_and_publishers() {
    let world = World::of_images();
    let (repo, bundle) = (world.path("repo"), world.path("bundle"));
    let absolute = text(&world.path("absolute")).to_owned();
    for name in ["../outside", "a/../../outside", absolute.as_str(), "a/./b"] {
        rename(&world, name);
        let updog = |arguments: &[&str]| {
            refuses(name, "updog", &world.updog_arguments(SetId::A, arguments));
        };
        updog(&["update-image"]);
        updog(&["--from", text(&repo), "update-image"]);
        refuses(name, "repo-tools", &["mirror", "--repo", text(&repo), "--to", text(&bundle)]);
        assert!(!bundle.exists());
        assert!(!world.holds(SetId::B, NEW) && world.holds(SetId::A, OLD));
    }
    let check = programs::run("repo-tools", &["check", "--repo", text(&repo)]);
    for name in ["../outside", &absolute] {
        let said = format!("{name:?} leads out of the folder of the targets");
        assert!(check.code != 0 && check.stdout.contains(&said), "{}", check.stdout);
    }
    assert!(fs::read_dir(world.path("repo")).unwrap().count() > 2, "the files were there");
}
