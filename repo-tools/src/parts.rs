//! The folder of a build: its report, and its images on their way into the repository.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use manifest::report::{Artifact, BuildReport, FORMAT, ImageReport};
use manifest::{Content, Contents, Digest, Images, Update};
use trust::Sha256;

use crate::files::{Observer, Unnamed, read_text, reading, writing};
use crate::publish::{Named, is_flat, target_path};
use crate::tee::{Measured, Tee};
use crate::unpacked::Files;
use crate::{Error, Result};

const REPORT: &str = "build-report.json";

/// A build that was read.
#[derive(Debug)]
pub(crate) struct Parts {
    folder: PathBuf,
    pub(crate) report: BuildReport,
}

/// An image of a release.
#[derive(Clone, Debug)]
pub(crate) struct Image<'a> {
    /// Name of the target.
    pub(crate) name: String,
    pub(crate) report: &'a ImageReport,
    pub(crate) sha256: Sha256,
}

impl Parts {
    /// Reads the report in `folder`.
    pub(crate) fn load(folder: &Path) -> Result<Self> {
        let path = folder.join(REPORT);
        let broken = |reason: String| Error::Broken { path: path.clone(), reason };
        let report: BuildReport =
            serde_json::from_str(&read_text(&path)?).map_err(|error| broken(error.to_string()))?;
        if report.format != FORMAT {
            return Err(broken(format!("its format is {}, not {FORMAT}", report.format)));
        }
        let parts = Self { folder: folder.to_owned(), report };
        for artifact in parts.artifacts() {
            if !is_flat(&artifact.file) {
                return Err(broken(format!("{:?} is not a plain file name", artifact.file)));
            }
        }
        Ok(parts)
    }

    fn artifacts(&self) -> [&Artifact; 6] {
        let images = &self.report.images;
        let [boot, root, hash] = [&images.boot, &images.root, &images.hash];
        [&boot.raw, &boot.transport, &root.raw, &root.transport, &hash.raw, &hash.transport]
    }

    /// The images in the order boot, root, hash, with the names of their targets.
    pub(crate) fn images(&self) -> Result<[Image<'_>; 3]> {
        let images = &self.report.images;
        Ok([self.image(&images.boot)?, self.image(&images.root)?, self.image(&images.hash)?])
    }

    fn image<'a>(&'a self, report: &'a ImageReport) -> Result<Image<'a>> {
        let BuildReport { variant, arch, version, .. } = &self.report;
        let name = format!("{variant}-{arch}-{version}-{}", report.transport.file);
        if !is_flat(&name) {
            return Err(Error::TargetName(name));
        }
        let sha256 = Sha256::from(*self.digest(&report.transport.sha256)?.as_bytes());
        Ok(Image { name, report, sha256 })
    }

    /// The release as the manifest has it, for everyone at once.
    pub(crate) fn update(&self) -> Result<Update> {
        let [boot, root, hash] = self.images()?;
        let contents = Contents::new(
            self.digest(&self.report.verity.root_hash)?,
            self.content(boot.report)?,
            self.content(root.report)?,
            self.content(hash.report)?,
        );
        Ok(Update {
            variant: self.report.variant.clone(),
            arch: self.report.arch.clone(),
            version: self.report.version.clone(),
            max_version: self.report.version.clone(),
            waves: manifest::Waves::default(),
            waves_end: None,
            images: Images::new(boot.name, root.name, hash.name),
            contents: Some(contents),
            packs: Vec::new(),
            frames: None,
            extra: manifest::Extra::new(),
        })
    }

    /// The compressed images, where the build has them.
    pub(crate) fn files(&self) -> Result<Files> {
        let [boot, root, hash] = self.images()?.map(|image| {
            let transport = &image.report.transport;
            let (name, path) = (transport.file.clone(), self.folder.join(&transport.file));
            Named { name, path, length: transport.length, sha256: image.sha256 }
        });
        Ok(Files { boot, root, hash })
    }

    fn content(&self, image: &ImageReport) -> Result<Content> {
        Ok(Content::new(image.raw.length, self.digest(&image.raw.sha256)?))
    }

    fn digest(&self, text: &str) -> Result<Digest> {
        let reason = |error: manifest::DigestError| error.to_string();
        text.parse().map_err(|error| Error::Broken {
            path: self.folder.join(REPORT),
            reason: reason(error),
        })
    }

    /// Copies an image into `targets`, comparing what it is and what it decompresses to on the way. Says
    /// whether it was not there yet.
    pub(crate) fn copy(
        &self,
        image: &Image<'_>,
        targets: &Path,
        unchecked: bool,
        observer: &mut dyn Observer,
    ) -> Result<bool> {
        let transport = &image.report.transport;
        let path = target_path(targets, &image.name, image.sha256);
        if holds(&path, transport.length, image.sha256)? {
            return Ok(false);
        }
        let source = self.folder.join(&transport.file);
        let file = File::open(&source).map_err(reading(&source))?;
        let mut unnamed = Unnamed::create(&path)?;
        let copied = copy(file, unnamed.file(), [&source, &path], image, unchecked);
        if let Err(error) = copied {
            unnamed.discard();
            return Err(error);
        }
        unnamed.name(observer)?;
        Ok(true)
    }
}

/// Whether a file of this length and digest is there already.
pub(crate) fn holds(path: &Path, length: u64, sha256: Sha256) -> Result<bool> {
    let Ok(file) = File::open(path) else { return Ok(false) };
    if file.metadata().map_err(reading(path))?.len() != length {
        return Ok(false);
    }
    let mut tee = Tee::new(file, io::sink(), length);
    io::copy(&mut tee, &mut io::sink()).map_err(reading(path))?;
    Ok(tee.finish().sha256 == sha256)
}

/// Copies `source`, which must be the report's transport file and decompress to its raw image.
fn copy(
    file: File,
    to: &mut File,
    paths: [&Path; 2],
    image: &Image<'_>,
    unchecked: bool,
) -> Result<()> {
    let [source, path] = paths;
    let transport = &image.report.transport;
    let mut tee = Tee::new(file, to, transport.length);
    let is_checked = transport.file.ends_with(".lz4") && !unchecked;
    let raw = is_checked.then(|| decompress(&mut tee, image.report.raw.length));
    // The decoder takes no byte beyond the frame's end; what follows belongs to the file, but not to an image.
    let rest = io::copy(&mut tee, &mut io::sink());
    if let Some(error) = tee.write_error.take() {
        return Err(writing(path)(error));
    }
    let rest = rest.map_err(reading(source))?;
    compare(source, "it has", transport, &tee.finish())?;
    let mismatch = |reason| Err(Error::Mismatch { path: source.to_owned(), reason });
    match raw {
        Some(Ok(raw)) => {
            compare(source, "it decompresses to", &image.report.raw, &raw)?;
            if rest == 0 { Ok(()) } else { mismatch(format!("{rest} bytes follow its frame")) }
        }
        Some(Err(error)) => mismatch(format!("it does not decompress: {error}")),
        None => Ok(()),
    }
}

/// Measures what a frame holds, up to one byte more than `limit`.
fn decompress(frame: impl Read, limit: u64) -> io::Result<Measured> {
    let mut raw = Tee::new(lz4::Decoder::new(frame)?, io::sink(), limit);
    io::copy(&mut raw, &mut io::sink())?;
    Ok(raw.finish())
}

fn compare(path: &Path, what: &str, expected: &Artifact, found: &Measured) -> Result<()> {
    let reason = if found.length != expected.length {
        let more = if found.length > expected.length { "more than " } else { "" };
        let shown = found.length.min(expected.length);
        format!("{what} {more}{shown} bytes where the report says {}", expected.length)
    } else if found.sha256.to_string() != expected.sha256.to_ascii_lowercase() {
        format!("{what} sha256 {} where the report says {}", found.sha256, expected.sha256)
    } else {
        return Ok(());
    };
    Err(Error::Mismatch { path: path.to_owned(), reason })
}
