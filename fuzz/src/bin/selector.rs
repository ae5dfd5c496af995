//! Any bytes as the disk that the boot selector starts from: it ends, starts each set once at most, and none whose tries had to be
//! counted before they are.
#![no_main]

use boot_selector::{Firmware, Variable, run};
use fuzz::disk::{Broken, Disk, Plan};
use fuzz::input::Input;
use gptdisk::Entry;

/// Bytes of entries in the input.
const ENTRIES: usize = 512;

/// A machine whose images come back or fail, as its input says.
struct Machine {
    disk: Disk,
    loaded: Vec<u32>,
    lines: usize,
    faults: u8,
}

impl Firmware for Machine {
    type Fault = Broken;
    type Disk = Disk;
    type Memory = Vec<u8>;
    type Image = ();

    fn disk(&mut self) -> &mut Disk {
        &mut self.disk
    }

    fn say(&mut self, line: &str) {
        assert!(!line.is_empty());
        self.lines += 1;
    }

    fn memory(&mut self, length: usize) -> Result<Vec<u8>, Broken> {
        assert!(
            length <= self.disk.bytes.len().next_multiple_of(64 << 10),
            "no more than there is"
        );
        Ok(vec![0; length])
    }

    fn load(&mut self, image: &[u8], (number, _): (u32, &Entry)) -> Result<(), Broken> {
        assert!(image.starts_with(b"MZ"));
        assert!(!self.loaded.contains(&number), "once");
        self.loaded.push(number);
        if self.faults & 1 == 0 { Ok(()) } else { Err(Broken) }
    }

    fn start(&mut self, (): ()) -> Result<(), Broken> {
        if self.faults & 2 == 0 { Ok(()) } else { Err(Broken) }
    }

    fn leave(&mut self, variable: Variable, text: &str) -> Result<(), Broken> {
        if variable == Variable::BootReason {
            let read: handover::Handover = text.parse().expect("what is left can be read");
            assert_eq!(read.to_string(), text);
        }
        if self.faults & 4 == 0 { Ok(()) } else { Err(Broken) }
    }
}

fuzz::target!(|input| {
    let mut input = Input(input);
    let plan = Plan::read(&mut input);
    let (image_a, image_b) = (u64::from(input.byte()), u64::from(input.byte()));
    let mut disk = Disk::new(plan, &mut input, ENTRIES);
    let image = input.bytes(512);
    disk.put(image_a, image);
    disk.put(image_b, if input.is_empty() { image } else { input.0 });
    disk.works_for = usize::from(plan.spare >> 3);
    let mut machine = Machine { disk, loaded: Vec::new(), lines: 0, faults: plan.spare & 7 };
    let _ = run(&mut machine).to_string();
    assert!(machine.loaded.len() <= 2 && machine.lines < 24);
});
