//! erofs without compression, written here.
//!
//! ```text
//! byte 1024   superblock (128 bytes)
//! byte 1152   inodes in the order of their first names, the root first; each is followed by its attributes and by
//!             what is short: targets of links, ends of folders
//! block m     labels of SELinux, each once; inodes name their places
//! block n     whole blocks of folders, and contents of files, each from a block of its own on
//! ```
//!
//! The core format of the kernel's documentation of erofs ("Core On-disk Format"), which every kernel since 5.4 reads.
//! The number of an inode (nid) is its place divided by 32.
//!
//! Why not mkfs.erofs: it reads a folder, so its image depends on what holds that folder (owners need root's rights or
//! fakeroot, attributes come in the order of the host's filesystem) and on its own version. Every file begins on a
//! block of its own, so that an unchanged file keeps its blocks from release to release.

mod attributes;
mod directory;
mod node;
mod plan;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::{FilesystemError, Identity};
use crate::digest::copy;
use crate::error::OnFile;
use crate::rootfs::{InodeKind, Tree};

use node::Node;
use plan::Plan;

/// Bytes of a block.
const BLOCK: usize = 4096;

/// Places of inodes are multiples of this.
const SLOT: usize = 32;

/// Where the superblock begins.
const SUPERBLOCK: usize = 1024;

/// Where the first inode begins.
const FIRST_INODE: usize = SUPERBLOCK + 128;

/// Why a tree cannot become an erofs filesystem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ErofsError {
    /// An attribute of a kind that erofs does not have.
    #[error("it has an extended attribute that is none of user, trusted, security or a POSIX ACL")]
    AttributeKind,
    /// Attributes that are too long.
    #[error("its extended attributes are too long")]
    AttributeLength,
    /// More of something than the format can count.
    #[error("it is too large for the filesystem")]
    Large,
}

pub(super) fn make(
    tree: &Tree,
    identity: &Identity,
    image: &Path,
    progress: &dyn Fn(u64),
) -> Result<(), FilesystemError> {
    let plan = Plan::of(tree)?;
    let file = File::create_new(image).on("create", image)?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    out.write_all(&metadata(&plan, identity)).on("write", image)?;
    for node in &plan.nodes {
        write_blocks(&plan, node, &mut out, image, progress)?;
    }
    out.flush().on("write", image)?;
    Ok(())
}

/// Superblock, inodes and labels, in whole blocks.
fn metadata(plan: &Plan<'_>, identity: &Identity) -> Vec<u8> {
    let inodes = plan.metadata_blocks() * BLOCK;
    let mut bytes = vec![0; inodes + plan.label_blocks() * BLOCK];
    let labels = &plan.labels.encoded;
    bytes[inodes..inodes + labels.len()].copy_from_slice(labels);
    bytes[SUPERBLOCK..FIRST_INODE].copy_from_slice(&superblock(plan, identity));
    for (node, number) in plan.nodes.iter().zip(1..) {
        let mut inode = node.encode(number);
        inode.extend_from_slice(&node.attributes);
        inode.extend_from_slice(&plan.tail(node));
        bytes[node.offset..node.offset + inode.len()].copy_from_slice(&inode);
    }
    bytes
}

fn superblock(plan: &Plan<'_>, identity: &Identity) -> [u8; FIRST_INODE - SUPERBLOCK] {
    /// Feature (compatible): times are those of the last change of content.
    const MTIME: u32 = 2;
    let root = u16::try_from(FIRST_INODE / SLOT).expect("the root comes first");
    let mut bytes = [0; FIRST_INODE - SUPERBLOCK];
    let mut put = |start: usize, value: &[u8]| {
        bytes[start..start + value.len()].copy_from_slice(value);
    };
    put(0, &0xe0f5_e1e2_u32.to_le_bytes());
    put(8, &MTIME.to_le_bytes());
    put(12, &[12]); // blocks of 2^12 bytes
    put(14, &root.to_le_bytes());
    put(16, &node::count(plan.nodes.len()).to_le_bytes());
    put(24, &u64::from(identity.timestamp).to_le_bytes());
    put(36, &plan.blocks.to_le_bytes());
    if plan.label_blocks() > 0 {
        let first = u32::try_from(plan.metadata_blocks()).expect("fewer than all blocks");
        put(44, &first.to_le_bytes());
    }
    put(48, identity.uuid.as_bytes());
    bytes
}

/// The blocks of one inode that do not lie beside it.
fn write_blocks(
    plan: &Plan<'_>,
    node: &Node<'_>,
    out: &mut impl Write,
    image: &Path,
    progress: &dyn Fn(u64),
) -> Result<(), FilesystemError> {
    match &node.inode.kind {
        InodeKind::File(content) => {
            copy((&mut *content.open()?, content.path()), (out, image), progress)?;
        }
        _ => {
            let body = plan.body(node);
            out.write_all(&body[..body.len() - node.tail]).on("write", image)?;
        }
    }
    let rest = node.size % node::count(BLOCK);
    let padding = if node.tail == 0 && rest > 0 { node::count(BLOCK) - rest } else { 0 };
    io::copy(&mut io::Read::take(io::repeat(0), padding), out).on("write", image)?;
    Ok(())
}
