//! A repository in a folder of this host: a mounted medium.
//!
//! What lies there is trusted no more than what a server sends, and its content is checked in the same way. A name never leads out of the
//! folder, nor does a link on the medium ([`within`]). A file is absent only where its folder is there: a medium that was taken away is a failure.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use bytes::Bytes;
use tokio::sync::mpsc::Sender;
use url::Url;

use super::HttpError;
use super::body::length;
use super::pieces::pieces;
use crate::within;

/// Bytes that are read at a time.
const PIECE: u64 = 256 << 10;

/// The folder of a `file://` address.
#[derive(Clone, Debug)]
pub(crate) struct Medium {
    folder: PathBuf,
}

impl Medium {
    /// The folder of `base`, if it is one of this host.
    pub(crate) fn at(base: &Url) -> Option<Self> {
        let folder = (base.scheme() == "file").then(|| base.to_file_path().ok()).flatten();
        folder.map(|folder| Self { folder })
    }

    /// The whole of a small file, at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// As [`Medium::stream`], but for the receiver.
    pub(crate) fn read(&self, name: &str, limit: u64) -> Result<Vec<u8>, HttpError> {
        let mut body = Vec::new();
        let mut file = self.open(name)?.take(limit.saturating_add(1));
        file.read_to_end(&mut body).map_err(|source| self.failed(name, source))?;
        if length(&body) > limit {
            return Err(HttpError::TooLong { url: self.shown(name), limit });
        }
        Ok(body)
    }

    /// Sends the file, `expected` bytes, into `sink`; `inspect` sees each piece before.
    ///
    /// # Errors
    ///
    /// Fails when the file is not there, cannot be read, has another length, or when the receiver has gone.
    pub(crate) async fn stream(
        &self,
        (name, expected): (&str, u64),
        sink: &Sender<Bytes>,
        mut inspect: impl FnMut(&[u8]),
    ) -> Result<(), HttpError> {
        let mut file = self.open(name)?;
        let mut got: u64 = 0;
        loop {
            let piece = piece(&mut file).map_err(|source| self.failed(name, source))?;
            got = got.saturating_add(length(&piece));
            if got > expected {
                return Err(HttpError::TooLong { url: self.shown(name), limit: expected });
            }
            if piece.is_empty() {
                return self.whole(name, got, expected);
            }
            inspect(&piece);
            let stopped = |_| HttpError::Stopped { url: self.shown(name) };
            sink.send(piece).await.map_err(stopped)?;
        }
    }

    /// Sends the bytes of `ranges`, which rise within the `expected` bytes of the file, one behind the other into `sink`.
    ///
    /// # Errors
    ///
    /// As [`Medium::stream`].
    pub(crate) async fn ranges(
        &self,
        (name, expected): (&str, u64),
        ranges: &[Range<u64>],
        sink: &Sender<Bytes>,
        mut arrived: impl FnMut(u64),
    ) -> Result<(), HttpError> {
        let failed = |source| self.failed(name, source);
        let file = self.open(name)?;
        match file.metadata().map_err(failed)?.len() {
            got if got > expected => {
                return Err(HttpError::TooLong { url: self.shown(name), limit: expected });
            }
            got => self.whole(name, got, expected)?,
        }
        for part in pieces(ranges, PIECE) {
            let piece = part_of(&file, &part).map_err(failed)?;
            arrived(length(&piece));
            let stopped = |_| HttpError::Stopped { url: self.shown(name) };
            sink.send(piece).await.map_err(stopped)?;
        }
        Ok(())
    }

    fn whole(&self, name: &str, got: u64, expected: u64) -> Result<(), HttpError> {
        if got == expected {
            return Ok(());
        }
        Err(HttpError::Short { url: self.shown(name), got, expected })
    }

    fn open(&self, name: &str) -> Result<File, HttpError> {
        let failed = |source| self.failed(name, source);
        let folder = File::open(&self.folder).map_err(failed)?;
        within::open(folder, name).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => HttpError::NoFile { url: self.shown(name) },
            _ => failed(error),
        })
    }

    fn failed(&self, name: &str, source: io::Error) -> HttpError {
        HttpError::Medium { url: self.shown(name), source }
    }

    fn shown(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }
}

/// The next bytes of a file; none at its end.
fn piece(file: &mut File) -> io::Result<Bytes> {
    let mut piece = Vec::new();
    file.take(PIECE).read_to_end(&mut piece)?;
    Ok(piece.into())
}

/// A part of a file that is there.
fn part_of(file: &File, part: &Range<u64>) -> io::Result<Bytes> {
    let length = usize::try_from(part.end - part.start).map_err(io::Error::other)?;
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, part.start)?;
    Ok(bytes.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    fn medium() -> (tempfile::TempDir, Medium) {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("repository");
        fs::create_dir(&inside).unwrap();
        fs::write(inside.join("file"), "content").unwrap();
        fs::write(folder.path().join("secret"), "secret").unwrap();
        let base = Url::from_directory_path(&inside).unwrap();
        (folder, Medium::at(&base).unwrap())
    }

    #[test]
    fn a_file_is_read_up_to_its_limit() {
        let (_folder, medium) = medium();
        assert_eq!(medium.read("file", 7).unwrap(), b"content");
        assert!(matches!(medium.read("file", 6), Err(HttpError::TooLong { limit: 6, .. })));
    }

    #[test]
    fn a_file_is_absent_only_where_its_folder_is_there() {
        let (folder, medium) = medium();
        assert!(medium.read("other", 7).unwrap_err().is_absent());
        fs::rename(folder.path().join("repository"), folder.path().join("away")).unwrap();
        let vanished = medium.read("file", 7).unwrap_err();
        assert!(matches!(vanished, HttpError::Medium { .. }) && !vanished.is_absent());
    }

    #[test]
    fn nothing_leads_out_of_the_folder() {
        let (folder, medium) = medium();
        let inside = folder.path().join("repository");
        symlink("../secret", inside.join("up")).unwrap();
        symlink(folder.path().join("secret"), inside.join("absolute")).unwrap();
        symlink("file", inside.join("within")).unwrap();
        for name in ["../secret", "up", "absolute", "/etc/passwd"] {
            let error = medium.read(name, 100).unwrap_err();
            assert!(matches!(error, HttpError::Medium { .. }), "{name}: {error}");
        }
        assert_eq!(medium.read("within", 100).unwrap(), b"content");
    }

    #[test]
    fn only_regular_files_are_read() {
        let (folder, medium) = medium();
        let pipe = folder.path().join("repository/pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RWXU, 0).unwrap();
        for name in ["pipe", ".", ""] {
            assert!(medium.read(name, 100).is_err(), "{name}");
        }
    }

    #[tokio::test]
    async fn ranges_are_read_in_bounded_pieces_of_a_file_of_the_signed_length() {
        let (folder, medium) = medium();
        let bytes: Vec<_> = (0..700_000_u32).map(|at| at.to_le_bytes()[1]).collect();
        fs::write(folder.path().join("repository/file"), &bytes).unwrap();
        let (sink, mut pieces) = tokio::sync::mpsc::channel(9);
        let (ranges, mut told) = ([3..9, 9..600_000, 699_999..700_000], 0);
        let expected = ("file", 700_000);
        medium.ranges(expected, &ranges, &sink, |bytes| told += bytes).await.unwrap();
        for (expected, told) in [(699_999, "more than"), (700_001, "ended after")] {
            let failed = medium.ranges(("file", expected), &ranges, &sink, |_| ()).await;
            assert!(failed.unwrap_err().to_string().contains(told));
        }
        drop(sink);
        let mut got = Vec::new();
        while let Some(piece) = pieces.recv().await {
            assert!(length(&piece) <= PIECE);
            got.extend_from_slice(&piece);
        }
        assert!(got == [&bytes[3..600_000], &bytes[699_999..]].concat());
        assert_eq!(told, length(&got));
    }

    #[test]
    fn servers_are_no_media() {
        assert!(Medium::at(&Url::parse("https://updates.example/").unwrap()).is_none());
    }
}
