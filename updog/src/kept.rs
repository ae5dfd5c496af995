//! What the next boot needs to move its settings: verified metadata, the manifest and the migrations, kept as the
//! very bytes that were verified, and made current in one step.
//!
//! One *generation* holds all of it, so that the parts belong together whatever the repository says later:
//!
//! ```text
//! MIGRATIONS/current -> generation-7
//! MIGRATIONS/generation-7/kept.json      between which versions it leads
//!                         metadata/      N.root.json …, timestamp.json, N.snapshot.json, N.targets.json
//!                         targets/       SHA256.manifest.json, SHA256.NAME of each migration
//! ```
//!
//! `current/metadata` and `current/targets` are a local TUF repository to any client: what a migrator is given as
//! its metadata and its migration directory. The roots go from the first to the newest, so that it verifies from
//! whichever root came with the image that boots.
//!
//! **Order of writes** ([`keep`]), under a lock on the folder:
//!
//! 1. what cut runs left behind is removed: generations that are not current, a link that got no name;
//! 2. the new generation is written beside the current one, each file flushed, then its folders, then the one above; whoever keeps it may refuse it
//!    now, and it goes;
//! 3. a link to it is renamed to `current`, and the folder flushed: here, at once, the new one counts;
//! 4. the one before is removed.
//!
//! Cut before 3, the old generation is whole and current; after it, the new one is. What is kept already is not
//! written again.
//!
//! **Expiry** ([`load`]): what is kept was valid by the clock when it was taken. At boot it is judged as of the time at which
//! its timestamp says that it was signed, and not by the clock: a host that was off for a month between update and
//! restart, or that starts in 1970, still moves its settings. Whatever had expired when the timestamp was signed
//! is refused. Nothing newer is learnt from it: an update is never chosen by what is kept.
//!
//! Absent means that there is no link `current`. A generation that lacks a file, or has another, is damaged.

mod error;
mod read;
mod record;
mod write;

use std::path::{Path, PathBuf};

pub use error::KeptError;
pub(crate) use read::metadata;
pub use read::{Kept, load};
pub use record::Record;
pub use write::{Outcome, Step, Wanted, keep};

/// The link to the generation that counts.
const CURRENT: &str = "current";

/// How the folder of a generation is called, before its number.
const GENERATION: &str = "generation-";

/// Folder of the metadata in a generation.
const METADATA: &str = "metadata";

/// Folder of the targets in a generation.
const TARGETS: &str = "targets";

/// Name of the manifest among the targets.
pub(crate) const MANIFEST: &str = "manifest.json";

/// What a migrator is given as its metadata, of a generation.
pub fn metadata_directory(generation: &Path) -> PathBuf {
    generation.join(METADATA)
}

/// What a migrator is given as its migrations, of a generation.
pub fn migration_directory(generation: &Path) -> PathBuf {
    generation.join(TARGETS)
}

/// A name from a repository that is one plain file name.
fn plain(name: &str) -> Result<&str, KeptError> {
    let strange = name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0']);
    if strange { Err(KeptError::Name { name: name.to_owned() }) } else { Ok(name) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_plain_file_name() {
        assert_eq!(plain("0f.migrate_v1.1.0+b1_x.lz4").unwrap(), "0f.migrate_v1.1.0+b1_x.lz4");
        for name in ["", ".", "..", ".hidden", "a/b", "/etc/passwd", "a\\b", "a\0b"] {
            assert!(matches!(plain(name), Err(KeptError::Name { .. })), "{name:?}");
        }
    }
}
