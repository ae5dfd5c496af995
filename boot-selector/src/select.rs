//! The loop: choose, count, start, and again.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Reverse;

use gptdisk::{BlockIo, Condition, Entry, Loaded, Side, WriteError};
use gptprio::{Basis, BootBits, Choice, SetId, Sets, start};
use handover::{Handover, NotStarted, Rule, TableNote, Variable};

use crate::image::HEADERS;
use crate::{Firmware, Places, Stop, Trouble, check_image, image_length};

/// Starts the set that the partition table says. It comes back only when nothing could be started.
pub fn run<F: Firmware>(firmware: &mut F) -> Stop<F::Fault> {
    match Selector::open(firmware) {
        Ok(mut selector) => selector.run(),
        Err(stop) => stop,
    }
}

/// A disk with sets, and what was tried with them.
struct Selector<'f, F: Firmware> {
    firmware: &'f mut F,
    table: Loaded<F::Fault>,
    places: Places,
    /// The bits as they are on the disk, as far as known.
    sets: Sets,
    note: TableNote,
    tried: Vec<SetId>,
    /// Why each that was tried did not start.
    failed: Vec<NotStarted>,
}

/// One set to be started.
struct Attempt {
    set: SetId,
    rule: Rule,
    reason: String,
    /// The bits of both sets once the start is counted.
    after: Sets,
    /// Whether the start has to be counted.
    must_count: bool,
}

impl<'f, F: Firmware> Selector<'f, F> {
    fn open(firmware: &'f mut F) -> Result<Self, Stop<F::Fault>> {
        let table = Loaded::read(firmware.disk()).map_err(Stop::NoTable)?;
        for side in [Side::Primary, Side::Backup] {
            if !matches!(table.condition(side), Condition::Good) {
                let condition = table.condition(side);
                firmware.say(&format!("the {side} copy of the partition table is {condition}"));
            }
        }
        let places = Places::of(table.table()).ok_or(Stop::NoSets)?;
        let note = if table.is_whole() { TableNote::Good } else { TableNote::Bad };
        let sets = places.sets();
        Ok(Self { firmware, table, places, sets, note, tried: vec![], failed: vec![] })
    }

    fn run(&mut self) -> Stop<F::Fault> {
        while let Some((choice, after)) = start(&self.untried()) {
            self.attempt(&self.chosen(choice, after));
        }
        if self.tried.len() < self.sets.iter().count() {
            self.firmware.say("no set is bootable; trying what is left");
        }
        while let Some(set) = self.best_left() {
            self.attempt(&self.last_resort(set));
        }
        Stop::NothingLeft
    }

    /// The sets, as if those that were tried could not boot.
    fn untried(&self) -> Sets {
        self.tried.iter().fold(self.sets, |sets, set| sets.with(*set, BootBits::CLEAR))
    }

    /// Of the sets that were not tried, the one that is most likely to work.
    fn best_left(&self) -> Option<SetId> {
        let left = self.sets.iter().filter(|(set, _)| !self.tried.contains(set));
        // The least of what is worse the higher it is, so that of equals the first in the table comes.
        let best = left.min_by_key(|(_, bits)| (!bits.successful, Reverse(bits.priority)));
        best.map(|(set, _)| set)
    }

    fn chosen(&self, choice: Choice, after: Sets) -> Attempt {
        let Choice { set, basis, .. } = choice;
        let (rule, reason) = match self.failed.is_empty() {
            true => (Rule::Chosen, choice.to_string()),
            false => (Rule::Fallback, format!("it {basis} and {} did not start", set.other())),
        };
        // What was tried keeps its bits.
        let after = self.tried.iter().fold(after, |after, tried| {
            self.sets.bits(*tried).map_or(after, |bits| after.with(*tried, bits))
        });
        Attempt { set, rule, reason, after, must_count: matches!(basis, Basis::Tries(_)) }
    }

    fn last_resort(&self, set: SetId) -> Attempt {
        let reason = "it is not bootable by its bits, and nothing else is left".to_string();
        Attempt { set, rule: Rule::LastResort, reason, after: self.sets, must_count: false }
    }

    /// Tries a set, and says why it did not start.
    fn attempt(&mut self, attempt: &Attempt) {
        let Attempt { set, reason, .. } = attempt;
        self.firmware.say(&format!("starting set {set}: {reason}"));
        self.tried.push(*set);
        let trouble = self.try_to_start(attempt);
        self.firmware.say(&format!("set {set} did not start: {trouble}"));
        let (fault, why) = (trouble.fault(), trouble.to_string());
        self.failed.push(NotStarted { set: *set, fault, why });
    }

    fn try_to_start(&mut self, attempt: &Attempt) -> Trouble<F::Fault> {
        let counted = match self.count(&attempt.after) {
            Ok(()) => true,
            Err(fault) if attempt.must_count => return Trouble::Uncounted(fault),
            Err(fault) => {
                self.firmware.say(&format!("warning: this start is not counted: {fault}"));
                false
            }
        };
        match self.load(attempt.set) {
            Ok(image) => self.hand_over(image, attempt, counted),
            Err(trouble) => trouble,
        }
    }

    /// Puts the bits on the medium, and repairs what is not good there.
    fn count(&mut self, after: &Sets) -> Result<(), WriteError<F::Fault>> {
        let changed = self.places.put(after, self.table.table_mut());
        if !changed && self.table.is_whole() {
            return Ok(());
        }
        let written = self.table.write(self.firmware.disk());
        match &written {
            Ok(()) if self.note == TableNote::Bad => {
                self.firmware.say("repaired the partition table");
                self.note = TableNote::Repaired;
            }
            Ok(()) => {}
            Err(_) => {
                // A later start writes what counts then; this one was not made.
                self.places.put(&self.sets, self.table.table_mut());
                self.note = TableNote::Bad;
            }
        }
        if written.is_ok() {
            self.sets = *after;
        }
        written
    }

    /// Reads the kernel image of a set and has the firmware check it.
    fn load(&mut self, set: SetId) -> Result<F::Image, Trouble<F::Fault>> {
        let (index, entry) = self.places.of_set(set).expect("only sets that exist are tried");
        let mut part = Part::new(self.firmware, entry);
        let mut front = part.read(0, part.length.min(HEADERS))?;
        let length = image_length(front.as_mut(), part.length, |place| part.four_bytes(place))?;
        drop(front);
        let mut memory = part.read(0, length)?;
        let length = usize::try_from(length).expect("it was read into memory");
        let image = memory.as_mut().get(..length).expect("it was read whole");
        check_image(image)?;
        self.firmware.load(image, (*index, entry)).map_err(Trouble::Refused)
    }

    /// Tells userland what was chosen, and starts it.
    fn hand_over(
        &mut self,
        image: F::Image,
        attempt: &Attempt,
        counted: bool,
    ) -> Trouble<F::Fault> {
        let handover = Handover {
            set: attempt.set,
            rule: attempt.rule,
            bits: self.sets.bits(attempt.set).unwrap_or_default(),
            counted,
            table: self.note,
            reason: attempt.reason.clone(),
            failed: self.failed.clone(),
        };
        let text = handover.to_string();
        self.leave(Variable::BootedSet, &attempt.set.to_string());
        self.leave(Variable::BootReason, &text);
        match self.firmware.start(image) {
            Ok(()) => Trouble::CameBack,
            Err(fault) => Trouble::GaveUp(fault),
        }
    }

    fn leave(&mut self, variable: Variable, text: &str) {
        if let Err(fault) = self.firmware.leave(variable, text) {
            let name = variable.name();
            self.firmware.say(&format!("warning: cannot set the variable {name}: {fault}"));
        }
    }
}

/// A partition that is read.
struct Part<'f, F: Firmware> {
    firmware: &'f mut F,
    first: u64,
    block: u64,
    /// Its bytes.
    length: u64,
}

impl<'f, F: Firmware> Part<'f, F> {
    fn new(firmware: &'f mut F, entry: &Entry) -> Self {
        let block = firmware.disk().block_size().bytes();
        // The table was checked, so the partition lies on the disk, whose bytes fit in 63 bits.
        let length = (entry.last - entry.first + 1) * block;
        Self { firmware, first: entry.first, block, length }
    }

    /// Reads at least so many bytes that lie in the partition, from a block on and up to the end of one.
    fn read(&mut self, block: u64, length: u64) -> Result<F::Memory, Trouble<F::Fault>> {
        let length = usize::try_from(length.next_multiple_of(self.block));
        let length = length.expect("an image is a few GiB at most by its headers");
        let mut memory = self.firmware.memory(length).map_err(Trouble::Memory)?;
        let read = self.firmware.disk().read_blocks(self.first + block, memory.as_mut());
        read.map_err(Trouble::Unreadable)?;
        Ok(memory)
    }

    /// The four bytes at a place that is at least four bytes before the end.
    fn four_bytes(&mut self, place: u64) -> Result<[u8; 4], Trouble<F::Fault>> {
        let (block, offset) = (place / self.block, place % self.block);
        let mut memory = self.read(block, offset + 4)?;
        let offset = usize::try_from(offset).expect("it is less than a block");
        let bytes = memory.as_mut().get(offset..).and_then(|bytes| bytes.first_chunk());
        Ok(*bytes.expect("up to here it was read"))
    }
}
