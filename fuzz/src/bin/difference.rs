//! Any prefixes as what is wanted and what is there: the runs cover what is wanted, and carried out in order they lead to it.
#![no_main]

use fuzz::input::Input;
use verity::{Inventory, Origin, Prefix, Region, Way, difference, unused};

/// Most blocks that are spilled.
const SPILL: usize = 3;

fn prefixes(input: &mut Input<'_>) -> Vec<Prefix> {
    let count = usize::from(input.byte() % 64);
    input.bytes(count).iter().map(|byte| Prefix::of(&[byte % 16; 32])).collect()
}

fuzz::target!(|input| {
    let mut input = Input(input);
    let (wanted, present, still) =
        (prefixes(&mut input), prefixes(&mut input), prefixes(&mut input));
    let [wanted_region, present_region, still_region] =
        [&wanted, &present, &still].map(|it| Region::Prefixes(it));
    let zero = [1; 32];
    let inventory = |region| Inventory::of(region).expect("there are few");
    let (target, other) = (inventory(&present_region), inventory(&still_region));
    let origins = [Origin::Target(&target), Origin::Still(&other)];
    let found = difference(&wanted_region, &present_region, &zero, &origins, SPILL);
    let found = found.expect("there are few");
    let spilled: Vec<u32> = found.spilled.iter().cloned().flatten().collect();
    assert!(spilled.len() <= SPILL);
    let mut now = present.clone();
    now.resize(wanted.len().max(present.len()), Prefix::UNKNOWN);
    let mut next = 0;
    for run in &found.runs {
        assert_eq!(run.first, next);
        next += run.blocks;
        for step in 0..run.blocks {
            let place = (run.first + step) as usize;
            match run.way {
                Way::InPlace => assert_eq!(now[place], wanted[place]),
                Way::Zero => now[place] = Prefix::of(&zero),
                Way::Lacking => now[place] = wanted[place],
                Way::Copy { origin: 0, first } if spilled.contains(&(first + step)) => {
                    now[place] = present[(first + step) as usize];
                }
                Way::Copy { origin: 0, first } => now[place] = now[(first + step) as usize],
                Way::Copy { first, .. } => now[place] = still[(first + step) as usize],
            }
        }
    }
    assert_eq!(next as usize, wanted.len());
    assert!(now[..wanted.len()] == wanted);
    let _ = unused(&present_region, &[&inventory(&wanted_region)]).expect("there are few");
});
