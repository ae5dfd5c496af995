//! Hash images.

use serde::Serialize;
use verity::{Superblock, TreeShape, claimed_root_hash};

use super::Subject;
use crate::Error;

/// What a hash image says of itself.
#[derive(Clone, Debug, Serialize)]
pub struct TreeFacts {
    /// Root hash that the top block leads to; none over a single data block.
    pub root_hash: Option<String>,
    /// Salt in hexadecimal, `-` for none.
    pub salt: String,
    /// UUID.
    pub uuid: String,
    /// Data blocks of 4096 bytes.
    pub data_blocks: u64,
    /// Bytes of superblock and tree.
    pub length: u64,
    /// Levels of the tree.
    pub levels: usize,
}

pub(super) fn facts(subject: &Subject<'_>) -> Result<TreeFacts, Error> {
    let wrong = |error: &dyn ToString| subject.damaged("a hash image", error.to_string());
    let bytes = subject.start.first_chunk().expect("the start is longer than a superblock");
    let superblock = Superblock::parse(bytes).map_err(|error| wrong(&error))?;
    let root_hash =
        claimed_root_hash(&subject.file, subject.length).map_err(|error| wrong(&error))?;
    let shape = TreeShape::of(superblock.data_blocks);
    Ok(TreeFacts {
        root_hash: root_hash.map(|hash| hash.to_string()),
        salt: superblock.params.salt.to_string(),
        uuid: superblock.params.uuid.to_string(),
        data_blocks: superblock.data_blocks.blocks(),
        length: shape.hash_len(),
        levels: shape.levels().len(),
    })
}
