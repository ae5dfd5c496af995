//! A target's file that is compared with what was signed for while somebody reads it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use trust::{Checker, Target};

use crate::files::reading;
use crate::{Error, Result};

/// Reads a file; its reader gets no end before the whole file was compared.
pub(super) struct Checked<'a> {
    file: File,
    path: &'a Path,
    checker: Option<Checker>,
    problem: Option<Error>,
    progress: &'a dyn Fn(u64),
}

impl<'a> Checked<'a> {
    pub(super) fn new(
        file: File,
        path: &'a Path,
        target: &Target,
        progress: &'a dyn Fn(u64),
    ) -> Self {
        Self { file, path, checker: Some(target.checker()), problem: None, progress }
    }

    /// What was wrong with the file, if anything was.
    pub(super) fn finish(self) -> Result<()> {
        self.problem.map_or(Ok(()), Err)
    }

    fn take(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let read = self.file.read(buffer).map_err(reading(self.path))?;
        let wrong =
            |source| Error::Trust { what: "a target is not the one that was signed", source };
        match &mut self.checker {
            Some(checker) if read > 0 => {
                checker.update(&buffer[..read]).map_err(|longer| wrong(longer.into()))?;
            }
            checker => {
                let end = checker.take().map(Checker::finish);
                end.transpose().map_err(wrong)?;
            }
        }
        (self.progress)(u64::try_from(read).unwrap_or(u64::MAX));
        Ok(read)
    }
}

impl Read for Checked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.take(buffer).map_err(|problem| {
            self.problem = Some(problem);
            io::Error::other("the target cannot be used")
        })
    }
}
