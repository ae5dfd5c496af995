//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use semver::Version;
use uuid::Uuid;
use verity::{RootHash, Salt};

/// Builds images and disks from a root filesystem
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Print the result as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Show no progress
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 wrong usage, 4 refused, 70 a bug.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build root, hash and boot images of a release
    Build(BuildArgs),
    /// Put together only the initial RAM filesystem of a release
    Initramfs(InitramfsArgs),
    /// Sign an EFI program for Secure Boot
    Sign(SignArgs),
    /// Make a disk with the images of a build in set A
    Disk(DiskArgs),
    /// Make or check dm-verity hash trees
    #[command(subcommand)]
    Verity(VerityCommand),
    /// Tell what a file, a block device or a folder is
    Inspect {
        /// What to tell
        path: PathBuf,
    },
}

#[derive(Debug, Parser)]
pub(crate) struct BuildArgs {
    /// What to build
    #[arg(long, value_name = "FILE")]
    pub(crate) spec: PathBuf,
    /// A folder, a tar archive (plain, gzip, zstd) or an OCI layout
    #[arg(long, value_name = "PATH")]
    pub(crate) rootfs: PathBuf,
    /// Version of the release
    #[arg(long, value_name = "VERSION")]
    pub(crate) version: Version,
    /// Output folder; an earlier build in it is replaced
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Time of every file and of the boot image, in seconds since 1970, in place of the spec's: hosts take it to be no earlier
    #[arg(long, value_name = "SECONDS", env = "SOURCE_DATE_EPOCH", hide_env_values = true)]
    pub(crate) timestamp: Option<u32>,
    /// Only check the input and print sizes
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Parser)]
pub(crate) struct InitramfsArgs {
    /// What to build
    #[arg(long, value_name = "FILE")]
    pub(crate) spec: PathBuf,
    /// A folder, a tar archive (plain, gzip, zstd) or an OCI layout
    #[arg(long, value_name = "PATH")]
    pub(crate) rootfs: PathBuf,
    /// The file; an earlier one is replaced
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Parser)]
pub(crate) struct SignArgs {
    /// Spec whose [secure_boot] says with what
    #[arg(long, value_name = "FILE")]
    pub(crate) spec: PathBuf,
    /// The signed program; an earlier file is replaced
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// The program
    pub(crate) program: PathBuf,
}

#[derive(Debug, Parser)]
pub(crate) struct DiskArgs {
    /// Output folder of a build
    #[arg(long, value_name = "DIR")]
    pub(crate) parts: PathBuf,
    /// The disk; an earlier file is replaced
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Identity of the disk; without it, it follows from the product line
    #[arg(long, value_name = "UUID")]
    pub(crate) disk_guid: Option<Uuid>,
    /// EFI program that the firmware starts
    #[arg(long, value_name = "FILE")]
    pub(crate) efi_binary: Option<PathBuf>,
    /// Spec whose [secure_boot] says with what the EFI program is signed; without it, it is put there as it is
    #[arg(long, value_name = "FILE", requires = "efi_binary")]
    pub(crate) spec: Option<PathBuf>,
    /// Leave private and data without ext4 filesystems
    #[arg(long)]
    pub(crate) leave_empty: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum VerityCommand {
    /// Make the hash tree of DATA in HASH and print its root hash
    Format {
        /// File or block device, a multiple of 4096 bytes
        data: PathBuf,
        /// File to make, or block device
        hash: PathBuf,
        /// Salt in hexadecimal, - for none [default: that of the product line]
        #[arg(long, value_name = "HEX", allow_hyphen_values = true)]
        salt: Option<Salt>,
        /// UUID of the tree [default: that of the product line]
        #[arg(long)]
        uuid: Option<Uuid>,
        /// Product line that salt and UUID follow from
        #[arg(long, value_name = "NAME", default_value = "default")]
        product_line: String,
    },
    /// Check DATA and the tree in HASH against a root hash
    Verify {
        /// File or block device
        data: PathBuf,
        /// File or block device
        hash: PathBuf,
        /// 64 hexadecimal digits
        root_hash: RootHash,
    },
}
