//! Facts as people read them.

use std::fmt::{self, Display, Formatter};

use cli::ByteCount;
use manifest::report::SelinuxReport;

use crate::sign::Signature;

use super::{BuildFacts, DiskFacts, Facts, FilesystemFacts, FrameFacts, ProgramFacts, TreeFacts};

impl Display for Facts {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::EfiProgram(facts) => facts.fmt(out),
            Self::HashImage(facts) => facts.fmt(out),
            Self::Filesystem(facts) => facts.fmt(out),
            Self::Disk(facts) => facts.fmt(out),
            Self::Lz4Frame(facts) => facts.fmt(out),
            Self::Build(facts) => facts.fmt(out),
        }
    }
}

/// One line: a name and what it is.
fn line(out: &mut Formatter<'_>, name: &str, value: impl Display) -> fmt::Result {
    writeln!(out, "  {name:<14} {value}")
}

/// One line if there is something to say.
fn line_if(out: &mut Formatter<'_>, name: &str, value: Option<impl Display>) -> fmt::Result {
    value.map_or(Ok(()), |value| line(out, name, value))
}

impl Display for ProgramFacts {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let kind =
            if self.boot_image { "boot image (unified kernel image)" } else { "EFI program" };
        writeln!(out, "{kind} for {}, {}", self.machine, ByteCount(self.length))?;
        line_if(out, "variant", self.variant.as_ref())?;
        line_if(out, "version", self.version.as_ref())?;
        line_if(out, "kernel", self.kernel_release.as_ref())?;
        line_if(out, "root hash", self.root_hash.as_ref())?;
        line_if(out, "command line", self.command_line.as_ref())?;
        for section in &self.sections {
            let (offset, length) = (section.offset, ByteCount(section.length.into()));
            line(
                out,
                "section",
                format_args!("{:<9} {length:>12} at byte {offset}", section.name),
            )?;
        }
        signatures(out, self.signatures.as_deref())?;
        let trailing = (self.trailing_bytes > 0).then_some(self.trailing_bytes);
        line_if(out, "beyond its end", trailing.map(|count| format!("{count} bytes")))
    }
}

fn signatures(out: &mut Formatter<'_>, found: Option<&[Signature]>) -> fmt::Result {
    let Some(found) = found else { return line(out, "signature", "cannot be read") };
    if found.is_empty() {
        return line(out, "signature", "none");
    }
    for Signature { signer, fits } in found {
        let about = match fits {
            Some(true) => "of this program",
            Some(false) => "of ANOTHER program",
            None => "of an unknown kind",
        };
        let by = signer.as_ref().map_or("somebody unknown", |signer| signer.subject.as_str());
        line(out, "signature", format_args!("{about}, by {by}"))?;
        line_if(out, "certificate", signer.as_ref().map(|signer| &signer.certificate_sha256))?;
    }
    Ok(())
}

impl Display for TreeFacts {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        writeln!(out, "dm-verity hash image, {}", ByteCount(self.length))?;
        line_if(out, "root hash", self.root_hash.as_ref())?;
        line(out, "salt", &self.salt)?;
        line(out, "uuid", &self.uuid)?;
        let data = ByteCount(self.data_blocks.saturating_mul(4096));
        line(out, "data", format_args!("{} blocks, {data}", self.data_blocks))?;
        line(out, "levels", self.levels)
    }
}

impl Display for FilesystemFacts {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        writeln!(out, "{} filesystem, {}", self.filesystem, ByteCount(self.length))?;
        line(out, "blocks", format_args!("{} of {} bytes", self.blocks, self.block_bytes))?;
        line(out, "inodes", self.inodes)?;
        line(out, "uuid", &self.uuid)?;
        line_if(out, "label", Some(&self.label).filter(|label| !label.is_empty()))
    }
}

impl Display for FrameFacts {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        writeln!(out, "lz4 frame, {}", ByteCount(self.length))?;
        line_if(out, "content", self.content_bytes.map(ByteCount))?;
        let kind = if self.independent_blocks { "independent" } else { "linked" };
        line(out, "blocks", format_args!("{kind}, {} at most", ByteCount(self.block_bytes)))?;
        line(out, "checksum", if self.content_checksum { "of the content" } else { "none" })
    }
}

impl Display for DiskFacts {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let sets = match self.sets {
            0 => "no sets".to_owned(),
            1 => "one set".to_owned(),
            count => format!("{count} sets"),
        };
        writeln!(out, "disk with {sets}, {}", ByteCount(self.length))?;
        line(out, "guid", &self.disk_guid)?;
        line(out, "primary table", &self.primary)?;
        line(out, "backup table", &self.backup)?;
        for part in &self.partitions {
            let (index, label) = (part.index, &part.label);
            write!(out, "  {index:>3} {label:<24} {:>12}", ByteCount(part.length).to_string())?;
            if let (Some(priority), Some(tries), Some(successful)) =
                (part.priority, part.tries, part.successful)
            {
                let successful = if successful { ", successful" } else { "" };
                write!(out, "  priority {priority}, tries {tries}{successful}")?;
            }
            writeln!(out)?;
        }
        Ok(())
    }
}

/// What a report says of labels.
fn selinux(report: &SelinuxReport) -> String {
    let SelinuxReport { labels, labelled_files, unlabelled_files, .. } = report;
    let policy = report.policy.as_deref().unwrap_or("unknown");
    let mode = report.mode.as_deref().unwrap_or("unknown");
    format!(
        "policy {policy}, {mode}; {labels} labels on {labelled_files} files, {unlabelled_files} without"
    )
}

impl Display for BuildFacts {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let report = &self.report;
        writeln!(out, "build of {} {} for {}", report.variant, report.version, report.arch)?;
        line(out, "root hash", &report.verity.root_hash)?;
        line(out, "filesystem", &report.filesystem)?;
        line_if(out, "signed by", report.secure_boot.as_ref().map(|signer| &signer.subject))?;
        line_if(out, "selinux", report.selinux.as_ref().map(selinux))?;
        for image in [&report.images.boot, &report.images.root, &report.images.hash] {
            let (raw, permille) = (&image.raw, image.fill_permille);
            let fill = format_args!("{}.{} % of its partition", permille / 10, permille % 10);
            line(
                out,
                &raw.file,
                format_args!("{:>12}, {fill}", ByteCount(raw.length).to_string()),
            )?;
        }
        for file in &self.files {
            match file.found {
                Some(found) if found == file.length => {}
                Some(found) => {
                    line(out, "wrong length", format_args!("{}: {found} bytes", file.file))?
                }
                None => line(out, "missing", &file.file)?,
            }
        }
        Ok(())
    }
}
