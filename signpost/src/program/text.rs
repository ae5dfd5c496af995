//! Text for people.

use std::io::{self, Write};

use gptprio::{BootBits, Tries};

use super::error::ProgramError;

/// Prints to standard output.
pub(crate) fn print(text: &str) -> Result<(), ProgramError> {
    Ok(io::stdout().lock().write_all(text.as_bytes())?)
}

/// Bits such as `priority 2, 1 try left, not successful`.
pub(crate) fn bits(bits: BootBits) -> String {
    let tries = match bits.tries {
        Tries::ZERO => "no tries left".to_owned(),
        Tries::ONE => "1 try left".to_owned(),
        tries => format!("{tries} tries left"),
    };
    let successful = if bits.successful { "successful" } else { "not successful" };
    format!("priority {}, {tries}, {successful}", bits.priority)
}

/// `yes` or `no`.
pub(crate) fn yes(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}
