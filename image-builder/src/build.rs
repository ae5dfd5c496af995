//! From a root filesystem to the images of a release.
//!
//! Order: names of the root filesystem, os-release, sizes as far as they are known → root image → hash tree and boot
//! image, while the root image is compressed → report → everything into place.

mod initramfs;
mod plan;
mod report;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use cli::Progress;
use manifest::report::{BuildReport, SelinuxReport};
use semver::Version;
use verity::{BootParameter, Formatted, Params, available_threads};

use crate::digest::Measured;
use crate::error::{Misfits, OnFile};
use crate::filesystem::{self, Identity};
use crate::identity::derived_uuid;
use crate::output::Output;
use crate::rootfs::Tree;
use crate::sign::Signing;
use crate::spec::Spec;
use crate::transport::compress;
use crate::uki::{self, CommandLine};
use crate::{Error, rootfs, selinux};

pub use initramfs::{InitramfsReport, initramfs};
use plan::{BootFiles, misfit};
pub use plan::{Plan, PlannedPart};

/// What to build, from what, and where to.
#[derive(Clone, Debug)]
pub struct Request {
    /// The spec.
    pub spec: Spec,
    /// A folder, a tar archive, or an OCI layout.
    pub rootfs: PathBuf,
    /// Version of the release.
    pub version: Version,
    /// Output folder.
    pub out: PathBuf,
    /// Shows no progress.
    pub quiet: bool,
}

/// Says what would be built, without building it; refuses what [`build`] would refuse at once.
///
/// # Errors
///
/// As [`build`], as far as it can be known without making the root image.
pub fn plan(request: &Request) -> Result<Plan, Error> {
    Output::check(&request.out)?;
    let work = tempfile::tempdir().on("create a folder in", &std::env::temp_dir())?;
    let Prepared { tree, boot, .. } = prepare(request, work.path())?;
    Plan::of(&request.spec, &tree, &boot)
}

/// Builds the images of a release.
///
/// # Errors
///
/// Refuses images that are larger than their partitions, and an output folder with files of others; nothing was written
/// to it then. Fails when something cannot be read or made.
pub fn build(request: &Request) -> Result<BuildReport, Error> {
    let output = Output::prepare(&request.out)?;
    let Prepared { tree, boot, selinux } = prepare(request, &output.work())?;
    Plan::of(&request.spec, &tree, &boot)?;
    let files = Files::new(&output.images());
    let build = Build { request, boot, selinux, files };
    build.root(&tree, &output.work())?;
    drop(tree);
    let report = build.finish()?;
    let text = serde_json::to_string_pretty(&report).map_err(std::io::Error::from);
    let path = output.images().join("build-report.json");
    fs::write(&path, text.on("write", &path)? + "\n").on("write", &path)?;
    output.publish()?;
    Ok(report)
}

/// All that is needed, but no contents of the root filesystem.
struct Prepared {
    tree: Tree,
    boot: BootFiles,
    selinux: Option<SelinuxReport>,
}

fn prepare(request: &Request, work: &Path) -> Result<Prepared, Error> {
    let mut tree = rootfs::read(&request.rootfs, request.spec.arch, work)?;
    let os_release = tree.release(&request.spec, &request.version)?;
    let boot = BootFiles::read(&request.spec, &tree, os_release)?;
    let selinux = selinux::label(&request.spec, &mut tree)?;
    Ok(Prepared { tree, boot, selinux })
}

/// Paths of the images in the making.
struct Files {
    boot: PathBuf,
    root: PathBuf,
    hash: PathBuf,
}

impl Files {
    fn new(folder: &Path) -> Self {
        let [boot, root, hash] = ["boot.img", "root.img", "hash.img"].map(|name| folder.join(name));
        Self { boot, root, hash }
    }
}

/// Lengths and digests, raw and compressed, of one image.
pub(crate) type MeasuredPair = (Measured, Measured);

struct Build<'a> {
    request: &'a Request,
    boot: BootFiles,
    selinux: Option<SelinuxReport>,
    files: Files,
}

impl Build<'_> {
    /// Makes the root image.
    fn root(&self, tree: &Tree, work: &Path) -> Result<(), Error> {
        let spec = &self.request.spec;
        let names =
            [spec.product_line.as_str(), spec.variant.as_str(), &self.request.version.to_string()];
        let uuid = derived_uuid("root filesystem", &names);
        let identity = Identity { uuid, timestamp: spec.timestamp };
        let progress = self.progress("root filesystem read", filesystem::content_size(tree));
        let add = |bytes| progress.add(bytes);
        filesystem::make(spec.filesystem, tree, &identity, &self.files.root, work, &add)?;
        progress.finish();
        let length = self.files.root.metadata().on("read", &self.files.root)?.len();
        let misfits: Vec<_> = misfit("root", length, spec.sizes.root).into_iter().collect();
        if misfits.is_empty() { Ok(()) } else { Err(Error::DoesNotFit(Misfits(misfits))) }
    }

    /// Makes everything that follows from the root image.
    fn finish(&self) -> Result<BuildReport, Error> {
        let (root, others) = thread::scope(|scope| {
            let root = scope.spawn(|| self.compress_root());
            let others = self.hash_and_boot();
            (root.join(), others)
        });
        let root = root.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        let (params, made, command_line, hash, boot) = others?;
        Ok(report::Report {
            request: self.request,
            params: &params,
            made: &made,
            command_line: command_line.as_str(),
            selinux: self.selinux.as_ref(),
            images: [&boot, &root, &hash],
            signer: Signing::of(&self.request.spec)?.map(|signing| signing.signer),
        }
        .assemble())
    }

    fn hash_and_boot(
        &self,
    ) -> Result<(Params, Formatted, CommandLine, MeasuredPair, MeasuredPair), Error> {
        let spec = &self.request.spec;
        let params = Params::for_product_line(spec.product_line.as_str());
        let made = self.hash(&params)?;
        let facts = BootParameter {
            data_blocks: made.data_blocks,
            root_hash: made.root_hash,
            salt: params.salt.clone(),
        };
        let line = self.boot.command_line(spec, &facts)?;
        let image = self.boot.assemble(spec, &line)?;
        fs::write(&self.files.boot, image).on("write", &self.files.boot)?;
        let hash = self.compress(&self.files.hash, &|_| ())?;
        let boot = self.compress(&self.files.boot, &|_| ())?;
        Ok((params, made, line, hash, boot))
    }

    fn hash(&self, params: &Params) -> Result<Formatted, Error> {
        let (data, length) = crate::tree_file::open(&self.files.root)?;
        let mut out = fs::File::create_new(&self.files.hash).on("create", &self.files.hash)?;
        let progress = self.progress("hash tree", length);
        let add = |bytes| progress.add(bytes);
        let made = verity::format(&data, length, params, &mut out, available_threads(), &add)?;
        progress.finish();
        let misfits: Vec<_> =
            misfit("hash", made.hash_len, self.request.spec.sizes.hash).into_iter().collect();
        if misfits.is_empty() { Ok(made) } else { Err(Error::DoesNotFit(Misfits(misfits))) }
    }

    fn compress(&self, raw: &Path, progress: &dyn Fn(u64)) -> Result<MeasuredPair, Error> {
        let mut compressed = raw.as_os_str().to_owned();
        compressed.push(".lz4");
        Ok(compress(raw, Path::new(&compressed), self.request.spec.transport.level, progress)?)
    }

    fn compress_root(&self) -> Result<MeasuredPair, Error> {
        let root = &self.files.root;
        let progress =
            self.progress("root image compressed", root.metadata().on("read", root)?.len());
        let pair = self.compress(root, &|bytes| progress.add(bytes))?;
        progress.finish();
        Ok(pair)
    }

    fn progress(&self, label: &str, total: u64) -> Progress {
        Progress::new(label, total, self.request.quiet)
    }
}

impl BootFiles {
    fn command_line(&self, spec: &Spec, facts: &BootParameter) -> Result<CommandLine, Error> {
        let (filesystem, watchdog) = (spec.filesystem.name(), spec.watchdog_seconds());
        let line = CommandLine::new(facts, filesystem, watchdog, &spec.command_line);
        Ok(line.map_err(crate::spec::SpecError::from)?)
    }

    fn assemble(&self, spec: &Spec, line: &CommandLine) -> Result<Vec<u8>, Error> {
        let image = uki::assemble(&uki::Parts {
            arch: spec.arch,
            stub: &self.stub,
            os_release: self.os_release.as_str(),
            command_line: line.as_str(),
            kernel: &self.kernel,
            initramfs: self.initramfs.as_deref(),
            timestamp: spec.timestamp,
        })?;
        match Signing::of(spec)? {
            Some(signing) => Ok(signing.sign(&image)?),
            None => Ok(image),
        }
    }
}
