//! The build report of a build.

use manifest::report::{
    Artifact, BuildReport, FORMAT, ImageReport, ImageReports, SecureBootReport, SelinuxReport,
    VerityReport,
};
use verity::{Formatted, Params};

use super::{MeasuredPair, Request};
use crate::digest::Measured;
use crate::sign::Signer;

/// What a report is made of.
pub(super) struct Report<'a> {
    pub(super) request: &'a Request,
    pub(super) params: &'a Params,
    pub(super) made: &'a Formatted,
    pub(super) command_line: &'a str,
    pub(super) selinux: Option<&'a SelinuxReport>,
    /// Boot, root and hash.
    pub(super) images: [&'a MeasuredPair; 3],
    /// Who signed the boot image.
    pub(super) signer: Option<Signer>,
}

impl Report<'_> {
    pub(super) fn assemble(&self) -> BuildReport {
        let spec = &self.request.spec;
        let [boot, root, hash] = self.images;
        BuildReport {
            format: FORMAT,
            variant: spec.variant.to_string(),
            arch: spec.arch.name().to_owned(),
            version: self.request.version.clone(),
            product_line: spec.product_line.to_string(),
            filesystem: spec.filesystem.name().to_owned(),
            command_line: self.command_line.to_owned(),
            verity: self.verity(),
            secure_boot: self.signer.as_ref().map(secure_boot),
            selinux: self.selinux.cloned(),
            images: ImageReports {
                boot: image("boot.img", boot, spec.sizes.boot.bytes()),
                root: image("root.img", root, spec.sizes.root.bytes()),
                hash: image("hash.img", hash, spec.sizes.hash.bytes()),
            },
            layout: spec.sizes.report(&spec.label_prefix),
        }
    }

    fn verity(&self) -> VerityReport {
        VerityReport {
            root_hash: self.made.root_hash.to_string(),
            salt: self.params.salt.to_string(),
            uuid: self.params.uuid.to_string(),
            data_blocks: self.made.data_blocks,
        }
    }
}

fn secure_boot(signer: &Signer) -> SecureBootReport {
    let Signer { subject, certificate_sha256 } = signer.clone();
    SecureBootReport { subject, certificate_sha256 }
}

fn image(name: &str, (raw, transport): &MeasuredPair, partition_bytes: u64) -> ImageReport {
    let permille = (u128::from(raw.length) * 1000).div_ceil(u128::from(partition_bytes));
    ImageReport {
        raw: artifact(name.to_owned(), raw),
        transport: artifact(format!("{name}.lz4"), transport),
        partition_bytes,
        fill_permille: u32::try_from(permille).unwrap_or(u32::MAX),
    }
}

fn artifact(file: String, measured: &Measured) -> Artifact {
    Artifact { file, length: measured.length, sha256: measured.sha256.clone() }
}
