//! Worlds whose releases were both published, and what tests do to them.

use std::fs;
use std::path::PathBuf;

use gptprio::SetId;
use serde_json::Value;

use super::{NEW, OLD, Part, SPEC, World, text, write};

/// Length of a block in bytes.
const BLOCK: usize = 4096;

impl World {
    /// Both releases built and published, with a pack from one to the other, and frames; `more` is how the newer one is added.
    pub fn of_both(more: &[&str]) -> Self {
        Self::unpublished().with_both(more)
    }

    /// As [`World::of_both`], with 40 MB that differ between the releases, and 24 MB that do not.
    pub fn much_changed() -> Self {
        let spec = SPEC.replace("root = 8", "root = 80");
        Self::built(&spec, (24_000_000, 40_000_000)).with_both(&[
            "--pack-level",
            "1",
            "--frame-level",
            "1",
        ])
    }

    fn with_both(self, more: &[&str]) -> Self {
        self.publish(OLD, &["--packs", "0"]);
        self.publish(NEW, more);
        self
    }

    /// Takes `what` (`packs`, `frames`) of the newer release out of the manifest.
    pub fn without(self, what: &str) -> Self {
        self.change_update(|update| {
            update.as_object_mut().and_then(|update| update.remove(what)).expect("it is there");
        });
        self
    }

    /// Changes what the manifest says of the newer release.
    pub fn change_update(&self, change: impl FnOnce(&mut Value)) {
        let mut manifest = self.manifest();
        let updates = manifest["updates"].as_array_mut().expect("manifests list updates");
        let newer = updates.iter_mut().find(|update| update["version"] == NEW);
        change(newer.expect("the newer release was published"));
        self.sign_elsewhere(&[("manifest.json", manifest.to_string().as_bytes())]);
    }

    /// What `updog` would do, as it prints it.
    pub fn plan(&self) -> Value {
        let plan = self.updog(&["--json", "update", "--dry-run"]);
        assert_eq!(plan.code, 0, "{}", plan.stderr);
        serde_json::from_str(&plan.stdout).expect("plans are JSON")
    }

    /// Takes what `updog` remembers of what it did.
    pub fn forget(&self) {
        fs::remove_dir_all(self.path("state")).expect("it has a state");
    }

    /// Changes the bytes of a partition.
    pub fn change(&self, set: SetId, part: Part, change: impl FnOnce(&mut [u8])) {
        let range = self.range(set, part);
        let [start, length] = [range.start, range.length]
            .map(|bytes| usize::try_from(bytes).expect("test disks are small"));
        let mut disk = fs::read(self.disk()).expect("the disk can be read");
        change(&mut disk[start..start + length]);
        write(&self.disk(), disk);
    }

    /// Damages a block of a set.
    pub fn damage(&self, set: SetId, part: Part, block: usize) {
        self.change(set, part, |bytes| bytes[block * BLOCK + 7] ^= 1);
    }

    /// Damages the block of a set that holds these bytes, or their beginning.
    pub fn damage_content(&self, set: SetId, part: Part, content: &[u8]) {
        self.change(set, part, |bytes| {
            let mut windows = bytes.windows(content.len());
            let place = windows.position(|window| window == content);
            bytes[place.expect("it is there")] ^= 1;
        });
    }

    /// The published target whose name ends so.
    pub fn published(&self, end: &str) -> PathBuf {
        let entries = fs::read_dir(self.path("repo/targets")).expect("there are targets");
        let mut paths = entries.map(|entry| entry.expect("a folder can be listed").path());
        paths.find(|path| text(path).ends_with(end)).expect("the target is published")
    }

    /// The image of a release.
    pub fn image(&self, version: &str, part: Part) -> Vec<u8> {
        let image = self.parts(version).join(format!("{}.img", part.name()));
        fs::read(image).expect("the image can be read")
    }
}
