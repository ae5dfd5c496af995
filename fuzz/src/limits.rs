//! What an input may take, and what the worst one took.
//!
//! libFuzzer's own limits see the time of an input in whole seconds, and its memory only with a sanitizer. Here every allocation
//! of Rust code is counted: an input whose live memory grows by more than [`MOST`] bytes ends the run and is kept, like one that
//! panics. What C code takes is in the limit on the whole process.
//!
//! At the end of a run a line says what the largest and the slowest input took.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::RefCell;
use std::fs;
use std::sync::Once;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// The most memory that an input may take, in bytes.
pub const MOST: i64 = 64 << 20;

/// Names the file that the slowest input is left in.
const SLOWEST_FILE: &str = "WAYSTONE_FUZZ_SLOWEST";

static LIVE: AtomicI64 = AtomicI64::new(0);
static BASE: AtomicI64 = AtomicI64::new(0);
static PEAK: AtomicI64 = AtomicI64::new(0);
static LARGEST: AtomicI64 = AtomicI64::new(0);
static SLOWEST: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static SLOWEST_INPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

fn took(bytes: usize) {
    let bytes = bytes.cast_signed() as i64;
    let live = LIVE.fetch_add(bytes, Relaxed) + bytes;
    if live > PEAK.load(Relaxed) {
        PEAK.store(live, Relaxed);
        if live - BASE.load(Relaxed) > MOST {
            too_much();
        }
    }
}

fn gave_back(bytes: usize) {
    LIVE.fetch_sub(bytes.cast_signed() as i64, Relaxed);
}

/// Ends the run; the fuzzer keeps the input. Nothing may be allocated here.
fn too_much() -> ! {
    let words = b"the input takes more than 64 MiB of memory\n";
    // SAFETY: the bytes are there, and nobody minds if they cannot be written.
    unsafe { libc::write(2, words.as_ptr().cast(), words.len()) };
    std::process::abort();
}

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        gave_back(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        took(size);
        gave_back(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.realloc(place, layout, size) }
    }
}

/// Runs a target on an input.
pub fn measured(input: &[u8], body: impl Fn(&[u8])) {
    static AT_END: Once = Once::new();
    AT_END.call_once(|| {
        // SAFETY: `tell` is a function for as long as the program runs.
        unsafe { libc::atexit(tell) };
    });
    let microseconds = once(input, &body);
    if microseconds > SLOWEST.load(Relaxed) {
        // It may have been the machine that was slow, or what is made once.
        let again = once(input, &body);
        if SLOWEST.fetch_max(again.min(microseconds), Relaxed) < again.min(microseconds) {
            SLOWEST_INPUT.set(input.to_vec());
        }
    }
}

fn once(input: &[u8], body: &impl Fn(&[u8])) -> u64 {
    let base = LIVE.load(Relaxed);
    BASE.store(base, Relaxed);
    PEAK.store(base, Relaxed);
    let started = Instant::now();
    body(input);
    let taken = started.elapsed();
    LARGEST.fetch_max(PEAK.load(Relaxed) - base, Relaxed);
    u64::try_from(taken.as_micros()).unwrap_or(u64::MAX)
}

extern "C" fn tell() {
    let (slowest, largest) = (SLOWEST.load(Relaxed), LARGEST.load(Relaxed));
    eprintln!("worst: {slowest} us, {largest} bytes");
    if let Some(file) = std::env::var_os(SLOWEST_FILE) {
        let _ = SLOWEST_INPUT.with_borrow(|input| fs::write(file, input));
    }
}

/// Runs something that may take so many bytes more than are taken already.
///
/// # Panics
///
/// If it takes more.
pub fn within<T>(bytes: usize, body: impl FnOnce() -> T) -> T {
    let (outer, before) = (PEAK.load(Relaxed), LIVE.load(Relaxed));
    PEAK.store(before, Relaxed);
    let result = body();
    let peak = PEAK.fetch_max(outer, Relaxed);
    let taken = peak - before;
    assert!(taken <= bytes.cast_signed() as i64, "it took {taken} bytes, and {bytes} are allowed");
    result
}
