//! Before the restart: `updog` tries out the settings of the next boot, and refuses an update that they would not survive.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use e2e::programs;
use e2e::world::{NEW, Part, write};
use gptprio::SetId;

use crate::world::Host;

/// A host whose `updog` knows where its settings are; it has prepared nothing itself since.
fn host() -> Host {
    let host = Host::prepared();
    let migrator = programs::command("migrator");
    host.world.configure(&format!(
        "[migrations]\ndatastore = 'datastore'\nprogram = '{}'\n",
        Path::new(migrator.get_program()).display()
    ));
    host
}

fn updated(host: &Host, arguments: &[&str]) -> programs::Finished {
    host.world.updog(arguments)
}

#[test]
fn an_update_says_what_becomes_of_the_settings_and_leaves_them() {
    let host = host();
    let run = updated(&host, &["--json", "update-image"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let settings = &report["settings"];
    assert_eq!((&settings["outcome"], &settings["to"]), (&"migrated".into(), &NEW.into()));
    let keys: Vec<_> =
        settings["changes"].as_array().unwrap().iter().map(|one| &one["key"]).collect();
    assert!(keys.contains(&&"settings.network.hostname".into()), "{keys:?}");
    assert!(host.setting("settings/host/name").is_some());
    assert_eq!(fs::read_dir(host.datastore()).unwrap().count(), 5, "four links and one store");
    // Again, as it is staged; and for people.
    let run = updated(&host, &["update-image"]);
    let line = "  settings.host.name -> settings.network.hostname: \"worker-7\"";
    assert!(run.stderr.lines().any(|other| other == line), "{}", run.stderr);
    assert!(updated(&host, &["prepare"]).stderr.contains(line));
}

#[test]
fn an_update_that_the_settings_would_not_survive_is_refused_before_anything_is_written() {
    let host = host();
    // Both names are taken: the migration cannot rename one to the other.
    let taken = host.datastore().join("current/live/settings/network/hostname");
    fs::create_dir_all(taken.parent().unwrap()).unwrap();
    write(&taken, "\"other\"");
    let before = host.world.sets();
    // Something else is kept for the next boot: this update for it would take its place.
    let folder = host.world.path("migrations/current/targets");
    fs::write(folder.join("another"), "").unwrap();
    let generation = fs::read_link(host.world.path("migrations/current")).unwrap();
    let names = |folder: &str| {
        let entries = fs::read_dir(host.world.path(folder)).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect::<BTreeSet<_>>()
    };
    let (kept, stores) = (names("migrations"), names("datastore"));
    let run = updated(&host, &["update"]);
    assert_eq!(run.code, 4, "{}", run.stderr);
    for said in [
        "settings.network.hostname",
        "would not survive the update to 1.1.0",
        "nothing was changed",
    ] {
        assert!(run.stderr.contains(said), "{said} is not in: {}", run.stderr);
    }
    assert_eq!(host.world.sets(), before);
    assert_eq!((names("migrations"), names("datastore")), (kept, stores), "nothing is left of it");
    let now = fs::read_link(host.world.path("migrations/current")).unwrap();
    assert_eq!(now, generation, "what was kept before still is");
    assert_eq!(host.world.updog(&["verify-kept"]).code, 0);
    assert!(host.world.range(SetId::B, Part::Root).length > 0 && !host.world.holds(SetId::B, NEW));
    fs::remove_file(&taken).unwrap();
    assert_eq!(updated(&host, &["update"]).code, 0);
}

#[test]
fn settings_in_use_make_an_update_wait() {
    let host = host();
    let mut flock = std::process::Command::new("flock");
    flock.arg(host.datastore()).args(["-c", "echo locked; cat"]);
    let mut holder = flock.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut locked = [0; 7];
    std::io::Read::read_exact(holder.stdout.as_mut().unwrap(), &mut locked).unwrap();
    assert_eq!(updated(&host, &["update"]).code, 75);
    drop(holder.stdin.take());
    holder.wait().unwrap();
    assert_eq!(updated(&host, &["update"]).code, 0);
}

#[test]
fn a_dry_run_fetches_no_migrations_and_tries_nothing() {
    let host = host();
    let link = host.datastore().join("v1");
    fs::remove_file(&link).unwrap();
    assert_eq!(updated(&host, &["update", "--dry-run"]).code, 0);
    let run = updated(&host, &["update"]);
    assert_eq!(run.code, 4, "damaged settings would not survive either: {}", run.stderr);
}
