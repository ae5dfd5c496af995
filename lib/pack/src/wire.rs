//! The head as it is written: [postcard](https://postcard.jamesmunns.com/wire-format) of these types, in this order.
//!
//! Where old blocks are taken from is said as the distance from where the last taken blocks of that image ended: nearly always
//! little or nothing, which compresses well.

use serde::{Deserialize, Serialize};

use crate::{Image, Piece, Release, Run, Way};

/// The whole head.
#[derive(Serialize, Deserialize)]
pub(crate) struct WireHead {
    pub(crate) old: Release,
    pub(crate) new: Release,
    /// Runs of the root image.
    pub(crate) root: Vec<WireRun>,
    /// Runs of the boot image.
    pub(crate) boot: Vec<WireRun>,
    pub(crate) pieces: Vec<Piece>,
}

/// Consecutive blocks.
#[derive(Serialize, Deserialize)]
pub(crate) struct WireRun {
    way: WireWay,
    blocks: u32,
}

#[derive(Serialize, Deserialize)]
enum WireWay {
    Zero,
    New,
    OldRoot { skipped: i64 },
    OldBoot { skipped: i64 },
    Again { image: Image, first: u32 },
}

/// Where the blocks that were taken last ended, in each old image.
#[derive(Default)]
struct Ends {
    root: i64,
    boot: i64,
}

impl Ends {
    fn of(&mut self, image: Image) -> &mut i64 {
        match image {
            Image::Root => &mut self.root,
            Image::Boot => &mut self.boot,
        }
    }

    fn read(&mut self, image: Image, skipped: i64, blocks: u32) -> Option<Way> {
        let end = self.of(image);
        let first = u32::try_from(end.checked_add(skipped)?).ok()?;
        *end = i64::from(first) + i64::from(blocks);
        Some(Way::Old { image, first })
    }

    #[cfg(any(test, feature = "make"))]
    fn write(&mut self, image: Image, first: u32, blocks: u32) -> WireWay {
        let end = self.of(image);
        let skipped = i64::from(first) - *end;
        *end = i64::from(first) + i64::from(blocks);
        match image {
            Image::Root => WireWay::OldRoot { skipped },
            Image::Boot => WireWay::OldBoot { skipped },
        }
    }
}

/// Reads the runs of an image; the number of one whose place is out of numbers is the error.
pub(crate) fn read_runs(runs: &[WireRun]) -> Result<Vec<Run>, usize> {
    let mut ends = Ends::default();
    let read = |(number, run)| read_run(run, &mut ends).ok_or(number);
    runs.iter().enumerate().map(read).collect()
}

fn read_run(run: &WireRun, ends: &mut Ends) -> Option<Run> {
    let way = match run.way {
        WireWay::Zero => Way::Zero,
        WireWay::New => Way::New,
        WireWay::Again { image, first } => Way::Again { image, first },
        WireWay::OldRoot { skipped } => ends.read(Image::Root, skipped, run.blocks)?,
        WireWay::OldBoot { skipped } => ends.read(Image::Boot, skipped, run.blocks)?,
    };
    Some(Run { blocks: run.blocks, way })
}

/// Writes the runs of an image.
#[cfg(any(test, feature = "make"))]
pub(crate) fn write_runs(runs: &[Run]) -> Vec<WireRun> {
    let mut ends = Ends::default();
    let write = |run: &Run| {
        let way = match run.way {
            Way::Zero => WireWay::Zero,
            Way::New => WireWay::New,
            Way::Again { image, first } => WireWay::Again { image, first },
            Way::Old { image, first } => ends.write(image, first, run.blocks),
        };
        WireRun { way, blocks: run.blocks }
    };
    runs.iter().map(write).collect()
}
