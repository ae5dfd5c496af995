//! How much memory the largest piece takes: at most 48 MiB, with everything that is given to it.
#![allow(clippy::unwrap_used)]
#![allow(unsafe_code)] // the allocator below only counts and hands everything on to the system's

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use pack::{Extent, Image, PIECE_BLOCKS, Piece, Sha256, WINDOW_BLOCKS};

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

const BLOCK: usize = 4096;

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap()
}

/// A line of what Linux says of the process's memory, in bytes; zstd's own is in it.
fn memory(name: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<usize>().unwrap() << 10
}

#[test]
fn the_largest_piece_takes_at_most_48_mib() {
    let before = memory("VmRSS:");
    // Bytes that zstd can neither find in the window nor compress: the longest piece of all.
    let noise = |seed: u64, length: usize| -> Vec<u8> {
        let mut state = seed;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_be_bytes()[0]
        };
        (0..length).map(|_| next()).collect()
    };
    let window = noise(1, size(WINDOW_BLOCKS) * BLOCK);
    let (piece, compressed) = {
        let raw = noise(2, size(PIECE_BLOCKS) * BLOCK);
        let mut frame = vec![0; raw.len() + (64 << 10)];
        let length = zstd::zstd_safe::compress(&mut frame[..], &raw, 1).unwrap();
        frame.truncate(length);
        frame.shrink_to_fit();
        let window = vec![Extent { image: Image::Root, first: 0, blocks: WINDOW_BLOCKS }];
        let (compressed_len, blocks) = (u32::try_from(length).unwrap(), PIECE_BLOCKS);
        let (compressed, raw) = (Sha256::of(&frame), Sha256::of(&raw));
        (Piece { blocks, compressed_len, compressed, raw, window }, frame)
    };
    let mut into = vec![0; size(PIECE_BLOCKS) * BLOCK];
    fs::write("/proc/self/clear_refs", "5").unwrap(); // the peak begins anew
    MOST.store(NOW.load(Ordering::Relaxed), Ordering::Relaxed);
    piece.decode(&compressed, &window, &mut into).unwrap();
    let most = [MOST.load(Ordering::Relaxed), memory("VmHWM:") - before];
    assert!(most.iter().all(|most| *most <= 48 << 20), "{most:?} bytes");
    // Window and frame are 32 MiB of it.
    assert!(most[1] >= 36 << 20, "{most:?} bytes: the peak is not that of this piece");
}
