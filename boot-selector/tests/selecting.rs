//! What the selector does with a disk, on a machine of vectors.

#![allow(clippy::unwrap_used)]

mod common;

use boot_selector::Variable;
use common::{COMES_BACK, DISK_BYTES, Event, GIVES_UP, Machine, REFUSED, RUNS, bits, image, spent};
use gptdisk::BlockSize;
use gptprio::{BootBits, SetId, Sets, start};

const EMPTY: BootBits = BootBits::CLEAR;

fn update() -> Machine {
    Machine::new(bits(1, 3, true), bits(2, 2, false))
}

#[test]
fn the_chosen_set_starts_and_its_try_is_on_the_medium_before() {
    let mut machine = update();
    assert_eq!(machine.boot(), Ok(SetId::B));
    let spent = Sets { a: bits(1, 3, true), b: Some(bits(2, 1, false)) };
    assert_eq!(machine.sets(), spent);
    assert!(machine.is_whole());
    let events = &machine.disk.events;
    let last_write = events.iter().rposition(|event| matches!(event, Event::Write(_))).unwrap();
    let start = events.iter().position(|event| matches!(event, Event::Load(..))).unwrap();
    assert_eq!(events[last_write + 1], Event::Flush);
    assert!(last_write + 1 < start);
}

#[test]
fn it_says_in_one_line_what_it_chose_and_why() {
    let mut machine = update();
    machine.boot().unwrap();
    let line = "starting set B: it has 2 tries left and its priority 2 is above A's 1";
    assert_eq!(machine.said, [line]);
}

#[test]
fn userland_is_told_the_set_and_the_reason() {
    let mut machine = update();
    machine.boot().unwrap();
    assert_eq!(machine.variable(Variable::BootedSet), "B");
    let text = "set=B\nrule=chosen\npriority=2\ntries=1\nsuccessful=no\nspent=no\ncounted=yes\ntable=good\n\
                reason=it has 2 tries left and its priority 2 is above A's 1\n";
    assert_eq!(machine.variable(Variable::BootReason), text);
}

#[test]
fn only_the_image_reaches_the_firmware() {
    for size in BlockSize::ALL {
        let mut machine = Machine::with_blocks(size, bits(1, 0, true), EMPTY);
        machine.boot().unwrap();
        assert_eq!(machine.disk.events[0], Event::Load(SetId::A, image(RUNS)), "{size:?}");
    }
}

#[test]
fn a_set_without_tries_starts_without_a_write() {
    let mut machine = Machine::new(bits(1, 0, true), EMPTY);
    machine.disk.writes_left = 0;
    assert_eq!(machine.boot(), Ok(SetId::A));
    assert_eq!(machine.said.len(), 1, "no warning");
}

#[test]
fn a_set_that_does_not_start_is_followed_by_the_other_in_the_same_boot() {
    let flipped = |mut image: Vec<u8>| {
        image[1000] ^= 4;
        image
    };
    let cases = [
        (vec![0; 64 << 10], "it is empty"),
        (vec![0xFF; 4096], "no EFI program"),
        (flipped(image(RUNS)), "checksum"),
        (image(REFUSED), "the firmware refuses its kernel image: access denied"),
        (image(GIVES_UP), "gave up: aborted"),
        (image(COMES_BACK), "came back"),
    ];
    for (bad, why) in cases {
        let mut machine = update();
        machine.put(SetId::B, &bad);
        assert_eq!(machine.boot(), Ok(SetId::A), "{why}");
        assert!(machine.has_said(why), "{why}: {:?}", machine.said);
        let both_spent = Sets { a: bits(1, 2, true), b: Some(bits(2, 1, false)) };
        assert_eq!(machine.sets(), both_spent, "each start cost a try");
        assert_eq!(machine.variable(Variable::BootedSet), "A");
        let reason = machine.variable(Variable::BootReason);
        assert!(reason.contains("rule=fallback\n"), "{reason}");
        assert!(reason.contains("\nfailed=B ") && reason.contains(why), "{reason}");
    }
}

#[test]
fn an_empty_partition_is_called_empty() {
    let mut machine = update();
    let start = machine.boot_start(SetId::B);
    machine.disk.bytes[start..start + (1 << 20)].fill(0);
    assert_eq!(machine.boot(), Ok(SetId::A));
    assert!(machine.has_said("its boot partition cannot be started: it is empty"));
}

#[test]
fn an_unreadable_image_is_followed_by_the_other_set() {
    let mut machine = update();
    let start = u64::try_from(machine.boot_start(SetId::B)).unwrap();
    machine.disk.unreadable = start..start + 1;
    assert_eq!(machine.boot(), Ok(SetId::A));
    assert!(machine.has_said("cannot be read: bad blocks"));
}

#[test]
fn an_image_that_memory_cannot_hold_is_followed_by_the_end_and_not_by_a_panic() {
    let mut machine = update();
    machine.memory = 512;
    assert_eq!(machine.boot(), Err("no set could be started".to_owned()));
    assert!(machine.has_said("no memory"));
}

#[test]
fn on_a_disk_that_cannot_be_written_only_a_proven_set_starts() {
    let mut machine = update();
    machine.disk.read_only = true;
    assert_eq!(machine.boot(), Ok(SetId::A));
    assert!(machine.has_said("set B did not start: its start cannot be counted"));
    assert!(machine.has_said("warning: this start is not counted"));
    assert!(machine.variable(Variable::BootReason).contains("\nheld-back=B its start cannot"));
    assert!(machine.variable(Variable::BootReason).contains("counted=no\ntable=bad\n"));

    let mut machine = Machine::new(bits(2, 1, false), bits(1, 1, false));
    machine.disk.read_only = true;
    assert_eq!(machine.boot(), Err("no set could be started".to_owned()));
}

#[test]
fn a_bad_copy_of_the_table_is_repaired() {
    let last = usize::try_from(DISK_BYTES).unwrap() - 512;
    for (copy, place) in [("primary", 512 + 30), ("primary", 1024 + 3), ("backup", last + 30)] {
        for chosen in [bits(2, 2, false), bits(2, 0, true)] {
            let mut machine = Machine::new(bits(1, 0, true), chosen);
            machine.disk.bytes[place] ^= 1;
            assert!(!machine.is_whole());
            assert_eq!(machine.boot(), Ok(SetId::B));
            assert!(machine.is_whole(), "{copy}");
            assert!(machine.has_said(copy) && machine.has_said("repaired"));
            assert!(machine.variable(Variable::BootReason).contains("table=repaired\n"));
        }
    }
}

#[test]
fn a_bad_copy_that_cannot_be_repaired_stops_no_proven_set() {
    let mut machine = Machine::new(bits(1, 0, true), EMPTY);
    machine.disk.bytes[600] ^= 1;
    machine.disk.read_only = true;
    assert_eq!(machine.boot(), Ok(SetId::A));
    assert!(machine.has_said("warning"));
}

#[test]
fn without_a_table_it_says_so() {
    let mut machine = update();
    machine.disk.bytes.fill(0);
    let said = machine.boot().unwrap_err();
    assert!(said.starts_with("no valid partition table"), "{said}");
}

#[test]
fn when_nothing_is_bootable_the_best_that_is_left_is_tried() {
    let cases = [
        (bits(0, 0, false), bits(0, 0, true), SetId::B),
        (bits(0, 0, true), bits(9, 0, false), SetId::A),
        (bits(1, 0, false), bits(2, 0, false), SetId::B),
        (bits(0, 0, false), bits(0, 0, false), SetId::A),
    ];
    for (a, b, first) in cases {
        let mut machine = Machine::new(a, b);
        assert_eq!(machine.boot(), Ok(first), "{a:?} {b:?}");
        assert!(machine.has_said("no set is bootable"));
        assert_eq!(machine.sets(), Sets { a, b: Some(b) }, "no bit changes");
        assert!(machine.variable(Variable::BootReason).contains("rule=last-resort\n"));

        let mut machine = Machine::new(a, b);
        machine.put(first, &image(REFUSED));
        assert_eq!(machine.boot(), Ok(first.other()), "{a:?} {b:?}");
    }
}

#[test]
fn a_set_that_is_not_bootable_is_tried_when_the_bootable_one_fails() {
    let mut machine = Machine::new(bits(2, 0, true), bits(0, 0, true));
    machine.put(SetId::A, &image(REFUSED));
    assert_eq!(machine.boot(), Ok(SetId::B));
}

#[test]
fn when_both_are_bad_it_says_so_and_ends() {
    let mut machine = update();
    machine.put(SetId::A, &image(REFUSED));
    machine.put(SetId::B, &image(GIVES_UP));
    assert_eq!(machine.boot(), Err("no set could be started".to_owned()));
    assert!(machine.has_said("set A did not start") && machine.has_said("set B did not start"));
}

#[test]
fn a_machine_without_variables_boots_with_a_warning() {
    let mut machine = update();
    machine.variables = false;
    assert_eq!(machine.boot(), Ok(SetId::B));
    assert!(machine.has_said("warning: cannot set the variable WaystoneBootedSet"));
}

#[test]
fn a_good_set_that_breaks_gives_way_and_two_broken_ones_take_turns() {
    let mut machine = Machine::new(bits(1, 1, true), bits(2, 2, true));
    let boots: Vec<_> = (0..7).map(|_| machine.boot().unwrap()).collect();
    let (a, b) = (SetId::A, SetId::B);
    assert_eq!(boots, [b, b, a, b, a, b, a]);
}

/// 64 values that stand for all 528.
fn some_bits() -> Vec<BootBits> {
    let mut some = Vec::new();
    for priority in [0, 1, 2, 15] {
        for tries in [0, 1, 2, 7, 15] {
            for successful in [false, true] {
                some.push(bits(priority, tries, successful));
            }
        }
        some.push(spent(priority));
    }
    // Without the least telling ones, to get 64 × 64 pairs.
    some.retain(|bits| bits.tries.value() != 7 || bits.priority.value() < 15);
    some.retain(|bits| !(bits.tries.value() == 7 && bits.priority.value() == 2));
    some.extend([bits(3, 3, true), bits(3, 0, true), bits(7, 0, true), bits(14, 1, false)]);
    some.extend([bits(8, 8, true), bits(8, 8, false), bits(13, 2, true), spent(9)]);
    some.extend([bits(3, 1, true), bits(4, 4, false), spent(3), spent(14)]);
    some.extend([bits(5, 0, false), bits(6, 5, false), bits(10, 9, true), bits(11, 0, true)]);
    some.extend([bits(12, 6, false), bits(12, 6, true), bits(9, 3, true), bits(4, 0, false)]);
    some.extend([bits(9, 0, true), bits(3, 2, false), bits(14, 14, true), bits(14, 0, false)]);
    some
}

#[test]
fn it_agrees_with_the_rule_in_4096_combinations() {
    let some = some_bits();
    assert_eq!(some.len(), 64);
    let mut machine = update();
    for a in &some {
        for b in &some {
            let sets = Sets { a: *a, b: Some(*b) };
            machine.write_bits(&sets);
            let booted = machine.boot().unwrap();
            let rule = start(&sets);
            if let Some((choice, after)) = rule {
                assert_eq!((booted, machine.sets()), (choice.set, after), "{sets:?}");
            } else {
                assert_eq!(machine.sets(), sets);
            }
        }
    }
}

#[test]
fn power_that_fails_at_any_write_leaves_a_set_that_boots() {
    for damaged in [None, Some(520), Some(1024 + 7)] {
        for writes in 0..8 {
            let mut machine = update();
            if let Some(place) = damaged {
                machine.disk.bytes[place] ^= 1;
            }
            machine.disk.writes_left = writes;
            let _ = machine.boot();
            machine.disk.writes_left = 99;
            let tries = machine.sets().b.unwrap().tries.value();
            assert!(tries <= 2);
            assert!(machine.boot().is_ok(), "after {writes} writes");
            assert!(machine.is_whole());
        }
    }
}
