//! Making a dm-verity tree, against `veritysetup format`.

use std::fs;
use std::path::{Path, PathBuf};

use cli::ByteCount;

use super::measure::{self, Missed, Side};
use crate::Result;
use crate::command::{Run, build_programs};
use crate::error::Error;
use crate::packages::Need;
use crate::steps::say;
use crate::{place, setup};

/// Size of the image, in MiB.
const MEBIBYTES: u64 = 900;

const SALT: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const UUID: &str = "f0e1d2c3-b4a5-4687-9879-6a5b4c3d2e1f";

/// The most of veritysetup's time that ours may take, on two cores.
const TIME: f64 = 0.5;

/// The most memory that ours may take.
const MEMORY: ByteCount = ByteCount(32 << 20);

/// Measures, after a look that both write the same tree.
pub(super) fn run(rounds: u32) -> Result<Missed> {
    setup::install_packages(&[Need::Always, Need::Bench])?;
    build_programs(&["image-builder"])?;
    let folder = place::target().join("bench/verity");
    let data = image(&folder)?;
    let [ours, theirs] = ["ours", "theirs"].map(|name| folder.join(name));
    let sides = [side("image-builder", &data, &ours), side("veritysetup", &data, &theirs)];
    let all = measure::in_turns(rounds, &sides)?;
    compare(&ours, &theirs)?;
    let bars = [all[0].time_of(&all[1], Some(TIME)), all[0].memory(MEMORY)];
    let title = format!("verity: the tree of an image of {MEBIBYTES} MiB, the same byte for byte");
    Ok(measure::show(&title, &all, &bars))
}

/// Makes an image of random bytes, unless there is one.
fn image(folder: &Path) -> Result<PathBuf> {
    place::make_folder(folder)?;
    let data = folder.join("data.img");
    if place::length(&data).is_ok_and(|length| length == MEBIBYTES << 20) {
        return Ok(data);
    }
    say(&format!("makes an image of {MEBIBYTES} MiB of random bytes\n"));
    let output = format!("of={}", data.display());
    let count = format!("count={MEBIBYTES}");
    Run::new("dd").args(["if=/dev/urandom", &output, "bs=1M", &count, "conv=fsync"]).run()?;
    Ok(data)
}

fn side<'a>(program: &'static str, data: &'a Path, hash: &'a Path) -> Side<'a> {
    let run = move || {
        let run = if program == "image-builder" {
            Run::ours(program).arg("verity")
        } else {
            Run::new(program)
        };
        let run = run.arg("format").arg(data).arg(hash);
        run.arg(format!("--salt={SALT}")).arg(format!("--uuid={UUID}"))
    };
    Side { name: program, prepare: Box::new(move || remove(hash)), run: Box::new(run) }
}

fn remove(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::file("remove", file)(error))
        }
        _ => Ok(()),
    }
}

/// A fast tree that is another tree is worth nothing.
fn compare(ours: &Path, theirs: &Path) -> Result<()> {
    let same = Run::new("cmp").arg(ours).arg(theirs).accept(&[0, 1]).run()?;
    if same.code == 0 { Ok(()) } else { Err(Error::Untrue("the two trees differ".to_owned())) }
}
