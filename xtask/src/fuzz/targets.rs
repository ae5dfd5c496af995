//! The targets: each is a file of the same name in `fuzz/src/bin`.

/// A target.
#[derive(Debug)]
pub(super) struct Target {
    /// Its name.
    pub(super) name: &'static str,
    /// What it reads.
    pub(super) reads: &'static str,
    /// The longest input, in bytes.
    pub(super) longest: u32,
    /// Whether it is part of continuous integration.
    pub(super) is_bounded: bool,
}

const fn target(name: &'static str, longest: u32, reads: &'static str) -> Target {
    Target { name, reads, longest, is_bounded: true }
}

/// All of them, by name.
pub(super) const ALL: &[Target] = &[
    target(
        "agent-records",
        4096,
        "the records of the agent, orders, what was found last, a seed; the decision by them",
    ),
    target("build-report", 4096, "the build report"),
    target("bundle", 8192, "an offline bundle's tar file, as the tar crate reads it too"),
    target("certificate", 2048, "the certificate of a server or an authority"),
    target("command-line", 1024, "the kernel's command line"),
    target("configuration", 2048, "updog.toml"),
    target("data-store", 1024, "keys, values and files of a data store"),
    target("datastore-stream", 1024, "a stream of settings, between migrations"),
    target("difference", 256, "prefixes of blocks: how a wanted image comes about"),
    target("file-contexts", 1024, "SELinux's file contexts, and labels by them"),
    target("frames", 512, "the frames and the index of a release, changed"),
    target("frames-index", 4096, "the index of a release's frames; a frame"),
    target("handover", 1024, "the boot selector's variables"),
    target("http-answer", 512, "status and headers of an answer to a request for bytes"),
    target("http-connection", 1024, "all that a server sends on a connection"),
    target("kernel-image", 2048, "the kernel image in a boot partition"),
    target("ledger", 4096, "the ledger of boots, and what the kernel left of a panic"),
    target("manifest", 4096, "the release manifest; choice, waves and migration paths by it"),
    target("metrics-request", 4096, "all that comes on a connection to the metrics"),
    target("pack", 512, "a delta pack, changed; a piece behind its digest"),
    target("pack-head", 4096, "the head of a delta pack"),
    target("partition-table", 2560, "both copies of a partition table, then a change of it, cut"),
    target("records", 2048, "the records of what is staged and what is kept; os-release"),
    target("selector", 3072, "the disk that the boot selector starts from"),
    target("tuf-canonical", 4096, "JSON that is signed"),
    Target {
        name: "tuf-differential",
        reads: "whole repositories, changed and signed again, each judged by python-tuf too",
        longest: 4096,
        is_bounded: false, // python-tuf is slow
    },
    target("tuf-metadata", 4096, "metadata of any role"),
    target("tuf-repository", 4096, "whole repositories, changed and signed again"),
    target("verity-superblock", 512, "a dm-verity superblock"),
    target("verity-tree", 512, "data and hash images, changed; a made-up tree"),
    target("wave-policy", 2048, "a wave policy, and an offset"),
];

/// The target of this name.
pub(super) fn find(name: &str) -> Option<&'static Target> {
    ALL.iter().find(|target| target.name == name)
}

/// The names of all.
pub(super) fn names() -> Vec<&'static str> {
    ALL.iter().map(|target| target.name).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::place;

    #[test]
    fn every_program_is_a_target_and_has_inputs_to_begin_with() {
        let folder = place::project().join("fuzz/src/bin");
        let mut programs: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        programs.sort_unstable();
        assert_eq!(programs, names());
        for name in names() {
            assert!(place::fixture("fuzz").join(name).is_dir(), "{name}");
        }
    }
}
