//! A machine of vectors.

#![allow(dead_code, clippy::unwrap_used)]

use core::fmt;

use boot_selector::{Firmware, Places, Variable};
use gptdisk::{BlockIo, BlockSize, Entry, Guid, Loaded, NewPart, NewTable, PartType};
use gptprio::{BootBits, Priority, SetId, Sets, Tries};

pub(crate) const DISK_BYTES: u64 = 16 << 20;
const BOOT_BYTES: u64 = 1 << 20;

/// Something that went wrong below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken(pub(crate) &'static str);

impl fmt::Display for Broken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.0)
    }
}

impl core::error::Error for Broken {}

/// What happened, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Write(u64),
    Flush,
    Load(SetId, Vec<u8>),
    Start(SetId),
}

/// A disk that forgets what was not flushed when power fails.
#[derive(Clone)]
pub(crate) struct Disk {
    pub(crate) size: BlockSize,
    pub(crate) bytes: Vec<u8>,
    pub(crate) events: Vec<Event>,
    pub(crate) read_only: bool,
    /// Reads of this range of bytes fail.
    pub(crate) unreadable: core::ops::Range<u64>,
    /// So many writes still work.
    pub(crate) writes_left: usize,
}

impl BlockIo for Disk {
    type Error = Broken;

    fn block_size(&self) -> BlockSize {
        self.size
    }

    fn block_count(&self) -> u64 {
        u64::try_from(self.bytes.len()).unwrap() / self.size.bytes()
    }

    fn read_blocks(&mut self, first: u64, buffer: &mut [u8]) -> Result<(), Broken> {
        assert_eq!(buffer.len() % self.size.buffer_len(), 0);
        let start = usize::try_from(first).unwrap() * self.size.buffer_len();
        let bytes = self.bytes.get(start..start + buffer.len()).ok_or(Broken("beyond the end"))?;
        if self.unreadable.contains(&u64::try_from(start).unwrap()) {
            return Err(Broken("bad blocks"));
        }
        buffer.copy_from_slice(bytes);
        Ok(())
    }

    fn write_blocks(&mut self, first: u64, data: &[u8]) -> Result<(), Broken> {
        if self.read_only {
            return Err(Broken("write-protected"));
        }
        self.writes_left = self.writes_left.checked_sub(1).ok_or(Broken("no power"))?;
        let start = usize::try_from(first).unwrap() * self.size.buffer_len();
        self.bytes[start..start + data.len()].copy_from_slice(data);
        self.events.push(Event::Write(first));
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Broken> {
        self.events.push(Event::Flush);
        Ok(())
    }
}

/// What an image does once it is started. It is told by the first byte behind its headers.
pub(crate) const RUNS: u8 = 1;
pub(crate) const GIVES_UP: u8 = 2;
pub(crate) const COMES_BACK: u8 = 3;
pub(crate) const REFUSED: u8 = 4;

pub(crate) struct Machine {
    pub(crate) disk: Disk,
    pub(crate) said: Vec<String>,
    pub(crate) left: Vec<(Variable, String)>,
    pub(crate) memory: usize,
    pub(crate) variables: bool,
    /// The set that runs; nothing happens afterwards.
    pub(crate) running: Option<SetId>,
}

/// How a run of the selector ends in a test when an image runs: there is no coming back.
pub(crate) struct Running;

impl Firmware for Machine {
    type Fault = Broken;
    type Disk = Disk;
    type Memory = Vec<u8>;
    type Image = (SetId, u8);

    fn disk(&mut self) -> &mut Disk {
        &mut self.disk
    }

    fn say(&mut self, line: &str) {
        self.said.push(line.to_owned());
    }

    fn memory(&mut self, length: usize) -> Result<Vec<u8>, Broken> {
        if length > self.memory { Err(Broken("out of memory")) } else { Ok(vec![0xEE; length]) }
    }

    fn load(&mut self, image: &[u8], (index, entry): (u32, &Entry)) -> Result<(SetId, u8), Broken> {
        let set = if index == BOOT_A { SetId::A } else { SetId::B };
        assert_eq!(entry.kind, PartType::Boot.guid());
        self.disk.events.push(Event::Load(set, image.to_vec()));
        match image[512] {
            REFUSED => Err(Broken("access denied")),
            deed => Ok((set, deed)),
        }
    }

    fn start(&mut self, (set, deed): (SetId, u8)) -> Result<(), Broken> {
        self.disk.events.push(Event::Start(set));
        match deed {
            GIVES_UP => Err(Broken("aborted")),
            COMES_BACK => Ok(()),
            _ => {
                self.running = Some(set);
                std::panic::resume_unwind(Box::new(Running));
            }
        }
    }

    fn leave(&mut self, variable: Variable, text: &str) -> Result<(), Broken> {
        if !self.variables {
            return Err(Broken("no variables"));
        }
        self.left.push((variable, text.to_owned()));
        Ok(())
    }
}

/// The number of set A's boot partition.
const BOOT_A: u32 = 2;

impl Machine {
    /// A disk with two sets, both with an image that runs.
    pub(crate) fn new(a: BootBits, b: BootBits) -> Self {
        Self::with_blocks(BlockSize::B512, a, b)
    }

    pub(crate) fn with_blocks(size: BlockSize, a: BootBits, b: BootBits) -> Self {
        let bytes = vec![0; usize::try_from(DISK_BYTES).unwrap()];
        let events = Vec::new();
        let disk =
            Disk { size, bytes, events, read_only: false, unreadable: 0..0, writes_left: 99 };
        let (said, left) = (Vec::new(), Vec::new());
        let mut machine =
            Self { disk, said, left, memory: 1 << 30, variables: true, running: None };
        let part = |index: u8, kind: PartType, attributes| NewPart {
            kind: kind.guid(),
            id: Guid::from_text_order([index; 16]),
            name: String::new(),
            length: Some(BOOT_BYTES),
            attributes,
        };
        let disk = Guid::from_text_order([9; 16]);
        let mut table = NewTable::new(size, DISK_BYTES, disk).unwrap();
        table.add(&part(1, PartType::EfiSystem, 0)).unwrap();
        for (index, bits) in [(2, a), (5, b)] {
            table.add(&part(index, PartType::Boot, bits.write_to(1 << 60))).unwrap();
            table.add(&part(index + 1, PartType::Root, 0)).unwrap();
            table.add(&part(index + 2, PartType::Hash, 0)).unwrap();
        }
        table.write(&mut machine.disk).unwrap();
        machine.disk.events.clear();
        machine.put(SetId::A, &image(RUNS));
        machine.put(SetId::B, &image(RUNS));
        machine
    }

    /// The first byte of a set's boot partition.
    pub(crate) fn boot_start(&self, set: SetId) -> usize {
        let table = Loaded::read(&mut self.disk.clone()).unwrap();
        let entry = Places::of(table.table()).unwrap().of_set(set).unwrap().1.clone();
        usize::try_from(entry.first).unwrap() * self.disk.size.buffer_len()
    }

    /// Writes an image to the start of a set's boot partition; the rest of it gets bytes that belong to nothing.
    pub(crate) fn put(&mut self, set: SetId, image: &[u8]) {
        let start = self.boot_start(set);
        let length = usize::try_from(BOOT_BYTES).unwrap();
        self.disk.bytes[start..start + length].fill(0xBB);
        self.disk.bytes[start..start + image.len()].copy_from_slice(image);
    }

    /// The bits on the disk.
    pub(crate) fn sets(&self) -> Sets {
        let table = Loaded::read(&mut self.disk.clone()).unwrap();
        Places::of(table.table()).unwrap().sets()
    }

    /// Puts bits on the disk.
    pub(crate) fn write_bits(&mut self, sets: &Sets) {
        let mut table = Loaded::read(&mut self.disk).unwrap();
        let places = Places::of(table.table()).unwrap();
        for (set, bits) in sets.iter() {
            let (index, entry) = places.of_set(set).unwrap();
            let attributes = bits.write_to(entry.attributes);
            assert!(table.table_mut().set_attributes(*index, attributes));
        }
        self.disk.writes_left = 99;
        table.write(&mut self.disk).unwrap();
        self.disk.events.clear();
    }

    /// Whether both copies of the table are good.
    pub(crate) fn is_whole(&self) -> bool {
        Loaded::read(&mut self.disk.clone()).is_ok_and(|table| table.is_whole())
    }

    /// Runs the selector until an image runs; if none does, what it says at the end.
    pub(crate) fn boot(&mut self) -> Result<SetId, String> {
        let run = std::panic::AssertUnwindSafe(|| boot_selector::run(self).to_string());
        match std::panic::catch_unwind(run) {
            Ok(stop) => Err(stop),
            Err(payload) if payload.is::<Running>() => Ok(self.running.take().unwrap()),
            Err(payload) => std::panic::resume_unwind(payload),
        }
    }

    /// What was left in a variable last.
    pub(crate) fn variable(&self, variable: Variable) -> &str {
        let found = self.left.iter().rfind(|(name, _)| *name == variable);
        found.map_or("", |(_, text)| text)
    }

    /// Whether something that was said contains this.
    pub(crate) fn has_said(&self, text: &str) -> bool {
        self.said.iter().any(|line| line.contains(text))
    }
}

/// Bytes of a small image.
pub(crate) const IMAGE_BYTES: usize = 1536;

/// A small image with a checksum: headers of 512 bytes and two sections of 512 bytes.
pub(crate) fn image(deed: u8) -> Vec<u8> {
    let mut bytes = vec![0; IMAGE_BYTES];
    let mut put = |offset: usize, value: &[u8]| {
        bytes[offset..offset + value.len()].copy_from_slice(value);
    };
    put(0, b"MZ");
    put(0x3C, &0x80_u32.to_le_bytes());
    put(0x80, b"PE\0\0");
    put(0x86, &2_u16.to_le_bytes());
    put(0x94, &0xF0_u16.to_le_bytes());
    put(0x98, &0x020B_u16.to_le_bytes());
    put(0x98 + 60, &512_u32.to_le_bytes());
    put(0x98 + 108, &16_u32.to_le_bytes());
    for (section, place) in [(0, 512_u32), (1, 1024)] {
        let header = 0x98 + 0xF0 + section * 40;
        put(header + 16, &512_u32.to_le_bytes());
        put(header + 20, &place.to_le_bytes());
    }
    put(512, &[deed]);
    put(1535, &[deed]);
    with_checksum(bytes)
}

/// Where the checksum of a small image is.
pub(crate) const CHECKSUM: usize = 0x98 + 64;

/// The image with the right checksum, word by word as the format says.
pub(crate) fn with_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes[CHECKSUM..CHECKSUM + 4].fill(0);
    let mut sum = 0_u32;
    for word in bytes.chunks(2) {
        sum += u32::from(u16::from_le_bytes([word[0], word.get(1).copied().unwrap_or(0)]));
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    let sum = sum + u32::try_from(bytes.len()).unwrap();
    bytes[CHECKSUM..CHECKSUM + 4].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// Bits from plain numbers.
pub(crate) fn bits(priority: u8, tries: u8, successful: bool) -> BootBits {
    BootBits {
        priority: Priority::new(priority).unwrap(),
        tries: Tries::new(tries).unwrap(),
        successful,
        spent: false,
    }
}

/// The bits of a set that was good once and has used up its tries.
pub(crate) fn spent(priority: u8) -> BootBits {
    BootBits { spent: true, ..bits(priority, 0, true) }
}
