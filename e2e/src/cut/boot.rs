//! The boot selector, the very code, on a disk in memory.

use std::fmt;

use boot_selector::{Firmware, Places, Variable};
use gptdisk::{BlockIo, BlockSize, Entry, Loaded};
use gptprio::{SetId, Sets};

use super::sectors::Sectors;

/// What a selector did to a disk.
#[derive(Clone, Debug)]
pub struct Boot {
    /// The set that it started.
    pub set: SetId,
    /// The boot bits while that runs.
    pub sets: Sets,
    /// What it wrote, in order, from a sector on; a flush has no bytes.
    pub wrote: Vec<Option<(u64, Vec<u8>)>>,
}

impl Boot {
    /// The disk while the set runs, of the disk that was started.
    #[must_use]
    pub fn disk(&self, before: &Sectors) -> Sectors {
        let mut disk = before.clone();
        self.wrote.iter().flatten().for_each(|(first, data)| disk.write(*first, data));
        disk
    }
}

/// Starts a machine with this disk.
///
/// # Errors
///
/// What the selector says when it starts nothing: the host is lost.
pub(super) fn boot(disk: &Sectors) -> Result<Boot, String> {
    let disk = Disk { sectors: disk.clone(), is_running: false, wrote: Vec::new() };
    let mut machine = Machine { disk, said: Vec::new(), first: None, started: None };
    let stop = boot_selector::run(&mut machine).to_string();
    let sets = Loaded::read(&mut machine.disk).ok();
    let sets = sets.and_then(|table| Places::of(table.table())).map(|places| places.sets());
    match (machine.started, sets) {
        (Some(set), Some(sets)) => Ok(Boot { set, sets, wrote: machine.disk.wrote }),
        _ => Err(format!("nothing is started: {stop}; {}", machine.said.join("; "))),
    }
}

/// Power is off, or a kernel runs.
#[derive(Debug)]
pub(super) struct Over;

impl fmt::Display for Over {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the kernel runs")
    }
}

impl std::error::Error for Over {}

#[derive(Debug)]
struct Disk {
    sectors: Sectors,
    is_running: bool,
    wrote: Vec<Option<(u64, Vec<u8>)>>,
}

impl BlockIo for Disk {
    type Error = Over;

    fn block_size(&self) -> BlockSize {
        BlockSize::B512
    }

    fn block_count(&self) -> u64 {
        self.sectors.count()
    }

    fn read_blocks(&mut self, first: u64, buffer: &mut [u8]) -> Result<(), Over> {
        self.sectors.read(first, buffer);
        Ok(())
    }

    fn write_blocks(&mut self, first: u64, data: &[u8]) -> Result<(), Over> {
        // What the loop does once a kernel came back does not happen on a machine whose kernel runs.
        if self.is_running {
            return Err(Over);
        }
        self.sectors.write(first, data);
        self.wrote.push(Some((first, data.to_vec())));
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Over> {
        if !self.is_running {
            self.wrote.push(None);
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Machine {
    disk: Disk,
    said: Vec<String>,
    /// The number of the first boot partition that an image came from, and whose set that is.
    first: Option<SetId>,
    started: Option<SetId>,
}

impl Firmware for Machine {
    type Fault = Over;
    type Disk = Disk;
    type Memory = Vec<u8>;
    type Image = ();

    fn disk(&mut self) -> &mut Disk {
        &mut self.disk
    }

    fn say(&mut self, line: &str) {
        self.said.push(line.to_owned());
    }

    fn memory(&mut self, length: usize) -> Result<Vec<u8>, Over> {
        Ok(vec![0; length])
    }

    fn load(&mut self, _: &[u8], _: (u32, &Entry)) -> Result<(), Over> {
        Ok(())
    }

    fn start(&mut self, (): ()) -> Result<(), Over> {
        if self.started.is_none() {
            self.started = self.first;
            self.disk.is_running = true;
        }
        Ok(())
    }

    fn leave(&mut self, variable: Variable, text: &str) -> Result<(), Over> {
        if variable == Variable::BootedSet && self.started.is_none() {
            self.first = text.parse().ok();
        }
        Ok(())
    }
}

/// A disk that is only read.
#[derive(Debug)]
pub(super) struct Reader<'d>(pub(super) &'d Sectors);

impl BlockIo for Reader<'_> {
    type Error = Over;

    fn block_size(&self) -> BlockSize {
        BlockSize::B512
    }

    fn block_count(&self) -> u64 {
        self.0.count()
    }

    fn read_blocks(&mut self, first: u64, buffer: &mut [u8]) -> Result<(), Over> {
        self.0.read(first, buffer);
        Ok(())
    }

    fn write_blocks(&mut self, _: u64, _: &[u8]) -> Result<(), Over> {
        Err(Over)
    }

    fn flush(&mut self) -> Result<(), Over> {
        Err(Over)
    }
}
