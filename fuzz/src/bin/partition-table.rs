//! Any bytes as both copies of a partition table, with checksums that hold: what is read is possible, and a change of it is written
//! whole, refused before anything is written, or cut so that the old or the new table is read.
#![no_main]

use fuzz::disk::{Disk, Plan};
use fuzz::input::Input;
use fuzz::limits;
use gptdisk::{BlockIo, Layout, Loaded, MAX_ENTRIES_BYTES, Table, WriteError};

/// Bytes of entries in the input.
const ENTRIES: usize = 1024;

/// What reading may take: both copies, each read in blocks and kept as entries, and the ranges of its partitions.
const MEMORY: usize = 6 << 20;

fuzz::target!(|input| {
    let mut input = Input(input);
    let plan = Plan::read(&mut input);
    let mut disk = Disk::new(plan, &mut input, ENTRIES);
    let result = limits::within(MEMORY, || Loaded::read(&mut disk));
    assert!(disk.longest_read <= usize::try_from(MAX_ENTRIES_BYTES).unwrap());
    let Ok(loaded) = result else { return };
    check_partitions(loaded.table(), disk.block_count());
    check_layout(loaded.table(), disk.bytes.len() as u64);
    write(loaded, &mut disk, plan.spare);
});

fn check_partitions(table: &Table, count: u64) {
    let mut ranges: Vec<_> =
        table.partitions().map(|(_, entry)| (entry.first, entry.last)).collect();
    ranges.sort_unstable();
    let (first, last) = table.usable();
    assert!(first <= last && last < count);
    assert!(ranges.iter().all(|range| first <= range.0 && range.0 <= range.1 && range.1 <= last));
    assert!(ranges.windows(2).all(|pair| pair[0].1 < pair[1].0));
}

fn check_layout(table: &Table, length: u64) {
    let Ok(layout) = Layout::of(table) else { return };
    let sets = gptprio::SetId::ALL.into_iter().filter_map(|set| layout.set(set));
    let parts = sets.flat_map(|set| set.parts().map(|(_, part)| part));
    for part in parts.chain(layout.private).chain(layout.data) {
        assert!(part.start.checked_add(part.length).is_some_and(|end| end <= length));
    }
}

/// Changes the attributes of all partitions and writes that; after so many writes and flushes the disk fails.
fn write(mut loaded: Loaded<fuzz::disk::Broken>, disk: &mut Disk, works_for: u8) {
    let old = loaded.table().clone();
    let indices: Vec<u32> = old.partitions().map(|(index, _)| index).collect();
    for index in indices {
        let attributes = old.partition(index).expect("it was listed").attributes;
        assert!(loaded.table_mut().set_attributes(index, attributes ^ 0x0175_0000_0000_0000));
    }
    let new = loaded.table().clone();
    disk.works_for = usize::from(works_for % 8);
    match loaded.write(disk) {
        Ok(()) => {
            let again = Loaded::read(disk).expect("it was written");
            assert!(again.is_whole() && *again.table() == new);
        }
        Err(WriteError::Io { .. }) => {
            let again = Loaded::read(disk).expect("a copy is whole");
            assert!(*again.table() == old || *again.table() == new);
            disk.works_for = usize::MAX;
            loaded.write(disk).expect("it goes on");
            assert_eq!(*Loaded::read(disk).expect("it was written").table(), new);
        }
        Err(_) => assert_eq!(disk.done, 0, "a write that is refused writes nothing"),
    }
}
