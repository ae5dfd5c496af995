//! Runs a command and shows its result.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;
use std::time::SystemTime;

use cli::{ByteCount, Outcome, print_json};
use image_builder::build::{self, Plan};
use image_builder::disk::{self, DiskReport};
use image_builder::inspect::inspect;
use image_builder::sign::{Signer, sign_program};
use image_builder::spec::Spec;
use image_builder::{Error, tree_file};
use manifest::report::{BuildReport, SecureBootReport};
use serde::Serialize;
use verity::Params;

use crate::args::{Args, BuildArgs, Command, DiskArgs, InitramfsArgs, SignArgs, VerityCommand};

/// Runs what the command line says.
pub(crate) fn run(args: &Args) -> Result<Outcome, Error> {
    match &args.command {
        Command::Build(build) => run_build(args, build)?,
        Command::Initramfs(wanted) => run_initramfs(args, wanted)?,
        Command::Sign(wanted) => run_sign(args, wanted)?,
        Command::Disk(disk) => run_disk(args, disk)?,
        Command::Verity(verity) => run_verity(args, verity)?,
        Command::Inspect { path } => {
            let facts = inspect(path)?;
            show(args, &facts, || facts.to_string())?;
        }
    }
    Ok(Outcome::Done)
}

fn run_build(args: &Args, wanted: &BuildArgs) -> Result<(), Error> {
    let mut spec = Spec::read(&wanted.spec)?;
    spec.timestamp = wanted.timestamp.unwrap_or(spec.timestamp);
    spec.check_time(SystemTime::now())?;
    let request = build::Request {
        spec,
        rootfs: wanted.rootfs.clone(),
        version: wanted.version.clone(),
        out: wanted.out.clone(),
        quiet: args.quiet,
    };
    if wanted.dry_run {
        let plan = build::plan(&request)?;
        return show(args, &plan, || plan_text(&plan));
    }
    let report = build::build(&request)?;
    show(args, &report, || build_text(&report, &wanted.out))
}

fn run_initramfs(args: &Args, wanted: &InitramfsArgs) -> Result<(), Error> {
    let report = build::initramfs(&Spec::read(&wanted.spec)?, &wanted.rootfs, &wanted.out)?;
    show(args, &report, || format!("{}: {}\n", report.file.display(), ByteCount(report.length)))
}

fn run_sign(args: &Args, wanted: &SignArgs) -> Result<(), Error> {
    let signed = sign_program(&Spec::read(&wanted.spec)?, &wanted.program, &wanted.out)?;
    show(args, &signed, || {
        let (file, length) = (signed.file.display(), ByteCount(signed.length));
        let Signer { subject, certificate_sha256 } = &signed.signer;
        format!("{file}: {length}, signed by {subject}\n  certificate {certificate_sha256}\n")
    })
}

fn run_disk(args: &Args, wanted: &DiskArgs) -> Result<(), Error> {
    let report = disk::make(&disk::Request {
        parts: wanted.parts.clone(),
        out: wanted.out.clone(),
        disk_guid: wanted.disk_guid,
        efi_binary: wanted.efi_binary.clone(),
        spec: wanted.spec.as_deref().map(Spec::read).transpose()?,
        leave_empty: wanted.leave_empty,
        quiet: args.quiet,
    })?;
    show(args, &report, || disk_text(&report))
}

fn run_verity(args: &Args, command: &VerityCommand) -> Result<(), Error> {
    match command {
        VerityCommand::Format { data, hash, salt, uuid, product_line } => {
            let mut params = Params::for_product_line(product_line);
            params.salt = salt.clone().unwrap_or(params.salt);
            params.uuid = uuid.unwrap_or(params.uuid);
            let made = tree_file::format(data, hash, &params, args.quiet)?;
            show(args, &made, || format!("{}\n", made.root_hash))
        }
        VerityCommand::Verify { data, hash, root_hash } => {
            let checked = tree_file::verify(data, hash, root_hash, args.quiet)?;
            show(args, &checked, || format!("all {} data blocks are right\n", checked.data_blocks))
        }
    }
}

/// Prints a result, for a program or for a person.
fn show(args: &Args, value: &impl Serialize, text: impl Fn() -> String) -> Result<(), Error> {
    let printed = if args.json {
        print_json(value)
    } else {
        io::stdout().lock().write_all(text().as_bytes())
    };
    printed.map_err(Error::Print)
}

fn plan_text(plan: &Plan) -> String {
    let part = |name: &str, part: &build::PlannedPart, least: &str| {
        let (image, partition) = (ByteCount(part.image_bytes), ByteCount(part.partition_bytes));
        format!("  {name:<5} {least}{image} of {partition}\n")
    };
    [
        format!("{} entries in the root filesystem; nothing was built\n", plan.entries),
        part("boot", &plan.boot, ""),
        part("root", &plan.root, "at least "),
        part("hash", &plan.hash, "at least "),
    ]
    .concat()
}

fn build_text(report: &BuildReport, out: &Path) -> String {
    let title =
        format!("{} {} for {} in {}\n", report.variant, report.version, report.arch, out.display());
    let images = [&report.images.boot, &report.images.root, &report.images.hash].map(|image| {
        let fill = format!("{}.{} %", image.fill_permille / 10, image.fill_permille % 10);
        row(
            &image.raw.file,
            [
                &ByteCount(image.raw.length),
                &format_args!("{fill:>7} of its partition"),
                &format_args!("{} for transport", ByteCount(image.transport.length)),
            ],
        )
    });
    let signed = report.secure_boot.as_ref().map_or_else(String::new, |signer| {
        let SecureBootReport { subject, certificate_sha256 } = signer;
        format!("  boot image signed by {subject}, certificate {certificate_sha256}\n")
    });
    format!("{title}{}  root hash {}\n{signed}", images.concat(), report.verity.root_hash)
}

fn row(name: &str, [first, second, third]: [&dyn Display; 3]) -> String {
    format!("  {name:<9} {:>10}  {second}  {third}\n", first.to_string())
}

fn disk_text(report: &DiskReport) -> String {
    let title = format!(
        "{}: {}, {} in set A, set B empty\n",
        report.file.display(),
        ByteCount(report.length),
        report.version
    );
    let parts = report.partitions.iter().map(|part| {
        format!(
            "  {:>3} {:<24} {:>10}\n",
            part.index,
            part.label,
            ByteCount(part.length).to_string()
        )
    });
    let signed = report.efi_signed_by.iter().map(|signer| {
        let Signer { subject, certificate_sha256 } = signer;
        format!("  EFI program signed by {subject}, certificate {certificate_sha256}\n")
    });
    let note = report.only_boot_image_signed.then(|| {
        "  note: the boot image is signed and the EFI program is not; --spec signs it\n".to_owned()
    });
    [title].into_iter().chain(parts).chain(signed).chain(note).collect()
}
