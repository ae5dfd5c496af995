//! The program as a user calls it.

#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;
mod damage;
mod disks;
mod usual;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{BOOT_A, BOOT_B, Image, LENGTH, PARTS, PRIVATE, assert_verifies, sgdisk_is_there};
use serde_json::Value;

/// What a call of the program came to.
struct Run {
    code: i32,
    out: String,
    err: String,
}

/// Calls signpost on a disk.
fn on(disk: &Path, args: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signpost"));
    let output = command.arg("--disk").arg(disk).args(args).output().expect("signpost runs");
    Run {
        code: output.status.code().expect("signpost ends by itself"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Run {
    /// Asserts success and gives the standard output.
    #[track_caller]
    fn done(self) -> String {
        assert_eq!(self.code, 0, "{}", self.err);
        self.out
    }

    #[track_caller]
    fn json(self) -> Value {
        serde_json::from_str(&self.done()).unwrap()
    }

    /// Asserts an end with this code, nothing on standard output, and these words in the error.
    #[track_caller]
    fn fails(&self, code: i32, words: &[&str]) {
        assert_eq!((self.code, self.out.as_str()), (code, ""), "{}", self.err);
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in: {}", self.err);
        }
    }
}

/// Priority, tries, successful of both sets, as status shows them.
fn bits(disk: &Path) -> [(u64, u64, bool); 2] {
    let status = on(disk, &["status", "--json"]).json();
    [0, 1].map(|set| {
        let set = &status["sets"][set];
        let number = |field: &str| set[field].as_u64().unwrap();
        (number("priority"), number("tries"), set["successful"].as_bool().unwrap())
    })
}

/// Runs a test on disks with blocks of 512 bytes, made by sgdisk, and of 4096, made by us.
fn on_both(test: impl Fn(&Image)) {
    test(&Image::large_blocks());
    if sgdisk_is_there() {
        let image = Image::factory();
        test(&image);
        assert_verifies(&image.path);
    }
}
