//! What a command gives back: printed for a person, or as JSON.

use std::fmt::Display;
use std::io::{self, Write};

use serde::Serialize;

use crate::error::Error;

/// How results are printed.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// As JSON on standard output.
    pub json: bool,
    /// Without progress on standard error.
    pub quiet: bool,
}

impl Output {
    /// Prints a result.
    ///
    /// # Errors
    ///
    /// Fails when standard output cannot be written.
    pub fn show<T: Serialize + Display>(self, result: &T) -> Result<(), Error> {
        if self.json {
            return Ok(cli::print_json(result)?);
        }
        Ok(writeln!(io::stdout().lock(), "{result}")?)
    }

    /// Tells a person what is going on, on standard error.
    pub fn note(self, text: impl Display) {
        if !self.quiet {
            // A courtesy: a closed standard error must not end the work.
            let _ = writeln!(io::stderr().lock(), "{text}");
        }
    }
}
