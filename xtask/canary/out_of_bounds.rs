//! Reads one byte behind its buffer. A sanitizer that lets it end well sees nothing (`cargo xtask sanitize`).

fn main() {
    let buffer = std::hint::black_box(vec![1_u8; 64]);
    // SAFETY: there is none, on purpose: the byte is not ours.
    let behind = unsafe { buffer.as_ptr().add(64).read_volatile() };
    std::process::exit(i32::from(behind == 255));
}
