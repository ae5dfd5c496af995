//! How much memory the difference of 10 GiB takes, with two old sets and a new tree: at most 256 MiB.
#![allow(clippy::unwrap_used)]
#![allow(unsafe_code)] // the allocator below only counts and hands everything on to the system's

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use verity::{Digest, Inventory, Leaves, Origin, Region, difference};

struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller's promises are the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Blocks of 10 GiB.
const BLOCKS: u64 = 10 << 18;

/// Most bytes altogether.
const MOST_BYTES: usize = 256 << 20;

/// A digest for each content, far from each other as digests are.
fn digest(content: u64) -> Digest {
    let mut digest = [1; 32];
    digest[..8].copy_from_slice(&content.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    digest
}

fn leaves(content: impl Fn(u64) -> u64) -> Leaves {
    let mut digests = Vec::with_capacity(usize::try_from(BLOCKS).unwrap());
    digests.extend((0..BLOCKS).map(|block| digest(content(block))));
    Leaves::new(digests).unwrap()
}

#[test]
fn the_difference_of_10_gib_takes_at_most_256_mib() {
    let running = Inventory::of_leaves(&leaves(|block| block + 1)).unwrap();
    let (target, present) = {
        let leaves = leaves(|block| block + 5);
        (Inventory::of_leaves(&leaves).unwrap(), leaves.prefixes())
    };
    let origins = [Origin::Still(&running), Origin::Target(&target)];
    let runs = |wanted: Leaves| {
        let (wanted, present) = (Region::Leaves(&wanted), Region::Prefixes(&present));
        difference(&wanted, &present, &digest(u64::MAX), &origins, 4096).unwrap().runs.len()
    };
    // A tenth is new, the rest has moved.
    let patch = runs(leaves(|block| if block % 1000 < 100 { block << 32 } else { block + 900 }));
    assert!(patch < 10_000, "{patch} runs");
    // Nothing is as it was, and no two blocks come from one place.
    let worst = runs(leaves(|block| if block % 2 == 0 { block << 32 } else { BLOCKS - block }));
    assert!(worst > 2_000_000, "{worst} runs");
    let most = MOST.load(Ordering::Relaxed);
    assert!(most <= MOST_BYTES, "{} MiB", most >> 20);
}
