//! What the fuzz targets share: limits on what an input may take, and starts that are valid.
//!
//! A target is a file in `src/bin` with one [`target!`] in it, and a line in `xtask/src/fuzz/targets.rs`. It gives bytes to
//! something that reads what it does not own, and asserts what holds of whatever comes out.

pub mod disk;
pub mod input;
pub mod limits;
pub mod releases;
pub mod stored;
pub mod tuf;

pub use libfuzzer_sys;

/// A target: what is done with an input.
#[macro_export]
macro_rules! target {
    (|$input:ident| $body:expr) => {
        $crate::libfuzzer_sys::fuzz_target!(|$input: &[u8]| {
            $crate::limits::measured($input, |$input: &[u8]| $body)
        });
    };
}
