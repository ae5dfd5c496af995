//! Whether migrations connect all releases, and are programs that a host can start.
//!
//! A host verifies and unpacks every migration on its way before the first one runs, so one that is broken keeps all hosts from updating over
//! it. A migration is one lz4 frame, or the program as it is; unless the checkup is quick, each is unpacked.

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use ::manifest::Manifest;
use trust::Target;

use super::Report;
use super::metadata::Known;
use crate::files::reading;
use crate::release::PROGRAMS;
use crate::{Layout, Result};

/// Longest target of a migration that hosts read, in bytes.
const MAX_PACKED: u64 = 64 << 20;

/// Longest program that hosts unpack, in bytes.
const MAX_PROGRAM: u64 = 128 << 20;

/// The first bytes of an lz4 frame.
const LZ4: [u8; 4] = 0x184D_2204_u32.to_le_bytes();

const AGAIN: &str = "publish them again with 'release add --migrations'";

/// Looks for gaps between releases and, unless `quick`, into every migration.
pub(super) fn check(
    layout: &Layout,
    manifest: &Manifest,
    known: &Known,
    quick: bool,
    report: &mut Report,
) -> Result<()> {
    for gap in manifest.gaps() {
        let (low, high) = &gap.path.missing;
        let next = format!(
            "publish a step from {low} to {high} with 'release add --migrations', with no files if nothing changes"
        );
        report.error(format!("{} {}: {}, nor back", gap.variant, gap.arch, gap.path), next);
    }
    for (from, to, names) in manifest.migrations.iter() {
        for name in names {
            let Some(target) = known.target(name) else {
                let what =
                    format!("the migrations from {from} to {to} name {name}, which is no target");
                report.error(what, AGAIN);
                continue;
            };
            if quick {
                continue;
            }
            let path = layout.targets().join(target.path());
            if let Some(wrong) = wrong(&path, &target).map_err(reading(&path))? {
                report.error(format!("migration {name} from {from} to {to} {wrong}"), AGAIN);
            }
        }
    }
    Ok(())
}

/// What is wrong with a migration; not, that its file is missing or another one, which was said already.
fn wrong(path: &Path, target: &Target) -> io::Result<Option<String>> {
    if target.length() > MAX_PACKED {
        return Ok(Some(format!("has more than {MAX_PACKED} bytes")));
    }
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if target.check(&bytes).is_err() {
        return Ok(None);
    }
    Ok(match program(&bytes) {
        Ok(start) if PROGRAMS.iter().any(|program| start.starts_with(program)) => None,
        Ok(_) => Some("is neither a program nor a script".into()),
        Err(error) => Some(format!("cannot be unpacked: {error}")),
    })
}

/// The first bytes of a program, which is unpacked to its end.
fn program(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    if !bytes.starts_with(&LZ4) {
        bytes.take(4).read_to_end(&mut start)?;
        return Ok(start);
    }
    let mut decoder = lz4::Decoder::new(bytes)?;
    decoder.by_ref().take(4).read_to_end(&mut start)?;
    let rest = io::copy(&mut decoder.by_ref().take(MAX_PROGRAM), &mut io::sink())?;
    if rest.saturating_add(4) > MAX_PROGRAM {
        return Err(invalid(format!("it has more than {MAX_PROGRAM} bytes")));
    }
    let (behind, end) = decoder.finish();
    end?;
    if behind.is_empty() { Ok(start) } else { Err(invalid("something follows the frame".into())) }
}

fn invalid(problem: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, problem)
}
