//! The program `updog`; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Two crates of the tree could provide TLS: the choice is made here, before anything asks for it.
    // It fails only when it was made already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    updog::limits::give_back_large_buffers();
    cli::run("updog", || updog::run(cli::parse_or_exit()))
}
