//! `metrics`: what is seen of this host, for who watches many. Never touches the network.

use std::io::{self, Write};
use std::path::Path;

use chrono::{DateTime, Utc};
use cli::Outcome;

use super::{Context, seen};
use crate::args::MetricsArguments;
use crate::error::Error;
use crate::seen::{http, metrics};

pub(super) fn run(
    context: &Context,
    arguments: &MetricsArguments,
    now: DateTime<Utc>,
) -> Result<Outcome, Error> {
    let text = || metrics::render(&seen::snapshot(context, now));
    if arguments.http {
        let (input, mut output) = (io::stdin(), io::stdout());
        http::answer(&input, &mut output, http::PATIENCE, now, text)?;
    } else if let Some(folder) = &arguments.textfile {
        write(context, folder, &text())?;
    } else if context.output.json {
        cli::print_json(&seen::snapshot(context, now))?;
    } else {
        io::stdout().lock().write_all(text().as_bytes())?;
    }
    Ok(Outcome::Done)
}

fn write(context: &Context, folder: &Path, text: &str) -> Result<(), Error> {
    let written = metrics::write_textfile(folder, text)
        .map_err(|source| Error::Textfile { folder: folder.to_owned(), source })?;
    if !written {
        context.output.note(format_args!("there is no folder {}", folder.display()));
    }
    Ok(())
}
