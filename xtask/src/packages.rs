//! The Debian packages that the project's commands need, in one table, and how to see whether they are there.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// A Debian package and what it is for.
#[derive(Debug)]
pub(crate) struct Package {
    /// Name in Debian.
    pub(crate) name: &'static str,
    /// How to see that it is there without asking the package manager.
    sign: Sign,
    /// What we use it for.
    purpose: &'static str,
    /// Which commands need it.
    pub(crate) need: Need,
}

/// Which commands need a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Demo and test.
    Always,
    /// Demo and test when they do not run as root.
    Unprivileged,
    /// Cases in the virtual machine.
    Machine,
    /// Programs for firmware, where rustup has no library for them.
    Firmware,
    /// Packages of ours.
    Package,
    /// Bench: what measures.
    Bench,
    /// Bench: a peer, without which the others are measured.
    Peer,
}

/// Something that the package brings along.
#[derive(Clone, Copy, Debug)]
enum Sign {
    /// A program in the search path or one of the system's directories.
    Program(&'static str),
    /// A file; a `*` stands for the rest of one component.
    File(&'static str),
}

use Need::{Always, Bench, Firmware, Machine, Peer, Unprivileged};
use Sign::{File, Program};

/// Everything that is ever needed.
pub(crate) const PACKAGES: &[Package] = &[
    package("mmdebstrap", Program("mmdebstrap"), "makes root filesystems", Always),
    package("erofs-utils", Program("fsck.erofs"), "checks our root images", Always),
    package("e2fsprogs", Program("mke2fs"), "makes ext4 filesystems", Always),
    package("dosfstools", Program("fsck.vfat"), "checks our EFI partitions", Always),
    package("mtools", Program("mdir"), "looks into our EFI partitions", Always),
    package("binutils", Program("objdump"), "looks into our boot images", Always),
    package("zstd", Program("zstd"), "compresses what tests and peers install", Always),
    package(
        "systemd-boot-efi",
        File("/usr/lib/systemd/boot/efi/linux*.efi.stub"),
        "the stub that a boot image starts with",
        Always,
    ),
    package("systemd", Program("systemd-analyze"), "judges the units of our hosts", Always),
    package("sbsigntool", Program("sbsign"), "signs for Secure Boot", Always),
    package("faketime", Program("faketime"), "gives signatures the time of the spec", Always),
    package("openssl", Program("openssl"), "makes keys and certificates for tests", Always),
    package("softhsm2", Program("softhsm2-util"), "is a token that keeps a key, in tests", Always),
    package(
        "libengine-pkcs11-openssl",
        File("/usr/lib/*/engines-3/pkcs11.so"),
        "signs with keys in tokens",
        Always,
    ),
    package("selinux-utils", Program("selabel_lookup"), "checks our labels for SELinux", Always),
    package("cryptsetup-bin", Program("veritysetup"), "checks our dm-verity trees", Always),
    package("gdisk", Program("sgdisk"), "checks our partition tables", Always),
    package(
        "python3-venv",
        File("/usr/lib/python3*/ensurepip"),
        "runs python-tuf's client, which checks our repositories",
        Always,
    ),
    package(
        "uidmap",
        Program("newuidmap"),
        "lets mmdebstrap work without root rights",
        Unprivileged,
    ),
    package("qemu-system-x86", Program("qemu-system-x86_64"), "is the virtual machine", Machine),
    package("ovmf", File("/usr/share/OVMF/OVMF_CODE_4M.fd"), "is its firmware", Machine),
    package(
        "netcat-openbsd",
        Program("nc.openbsd"),
        "leads from the machine's network to the repository",
        Machine,
    ),
    package(
        "ca-certificates",
        File("/etc/ssl/certs/ca-certificates.crt"),
        "is whom the machine's programs trust",
        Machine,
    ),
    package("kmod", Program("depmod"), "lists what the machine's kernel modules need", Machine),
    package("rustc-web", File("/usr/share/doc/rustc-web"), "compiles for firmware", Firmware),
    package(
        "rust-web-src",
        File("/usr/lib/rustlib/src/rust/library/core"),
        "is the library that is built for firmware",
        Firmware,
    ),
    package("lld", Program("lld-link"), "links programs for firmware", Firmware),
    package(
        "dpkg-dev",
        Program("dpkg-shlibdeps"),
        "finds what a package depends on",
        Need::Package,
    ),
    package("time", File("/usr/bin/time"), "measures memory", Bench),
    package("swupdate", Program("swupdate"), "a peer to compare with", Peer),
    package("rauc", Program("rauc"), "a peer to compare with", Peer),
    package("dbus", Program("dbus-run-session"), "is the bus that RAUC is asked over", Peer),
    package("squashfs-tools", Program("mksquashfs"), "makes RAUC's bundles", Peer),
    package("xdelta3", Program("xdelta3"), "a peer to compare with", Peer),
    package("casync", Program("casync"), "a peer to compare with", Peer),
];

const fn package(name: &'static str, sign: Sign, purpose: &'static str, need: Need) -> Package {
    Package { name, sign, purpose, need }
}

/// The packages of some kinds that are not there.
pub(crate) fn missing(needs: &[Need]) -> Vec<&'static Package> {
    PACKAGES.iter().filter(|one| needs.contains(&one.need) && !one.is_there()).collect()
}

/// The command that installs packages, without what gives it the right to.
pub(crate) fn install_command(packages: &[&Package]) -> Vec<&'static str> {
    let names = packages.iter().map(|package| package.name);
    ["apt-get", "install", "--yes", "--no-install-recommends"].into_iter().chain(names).collect()
}

/// Names with what each is for.
pub(crate) fn describe(packages: &[&Package]) -> String {
    let one = |package: &&Package| format!("{} ({})", package.name, package.purpose);
    packages.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Looks for a program in the search path and where Debian keeps programs for administrators.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    let places = env::split_paths(&path).chain(system);
    places.map(|place| place.join(name)).find(|candidate| candidate.is_file())
}

impl Package {
    fn is_there(&self) -> bool {
        match self.sign {
            Program(name) => find_program(name).is_some(),
            File(pattern) => matches_any(Path::new(pattern)),
        }
    }
}

/// Whether a file is there whose path fits the pattern; only one component may hold a `*`.
fn matches_any(pattern: &Path) -> bool {
    let components: Vec<_> = pattern.iter().map(|part| part.to_string_lossy()).collect();
    let Some(place) = components.iter().position(|part| part.contains('*')) else {
        return pattern.exists();
    };
    let folder: PathBuf = components[..place].iter().map(AsRef::<str>::as_ref).collect();
    let rest: PathBuf = components[place + 1..].iter().map(AsRef::<str>::as_ref).collect();
    let (start, end) = components[place].split_once('*').unwrap_or_default();
    let fits = |name: &str| name.starts_with(start) && name.ends_with(end);
    fs::read_dir(folder).into_iter().flatten().flatten().any(|entry| {
        let path = entry.path();
        // Joining nothing would ask for a folder.
        let path = if rest.as_os_str().is_empty() { path } else { path.join(&rest) };
        fits(&entry.file_name().to_string_lossy()) && path.exists()
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_the_rest_of_one_component() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("python3.11/ensurepip")).unwrap();
        fs::write(folder.path().join("linuxx64.efi.stub"), "").unwrap();
        for (pattern, found) in [
            ("python3*/ensurepip", true),
            ("python3*/pip", false),
            ("python4*/ensurepip", false),
            ("linux*.efi.stub", true),
            ("linux*.efi", false),
            ("linuxx64.efi.stub", true),
            ("nothing/*", false),
        ] {
            assert_eq!(matches_any(&folder.path().join(pattern)), found, "{pattern}");
        }
    }

    #[test]
    fn no_package_stands_twice_and_all_can_be_named_in_one_command() {
        let all: Vec<_> = PACKAGES.iter().collect();
        let mut command = install_command(&all);
        let count = command.len();
        command.sort_unstable();
        command.dedup();
        assert_eq!(command.len(), count);
        assert_eq!(describe(&all[..1]), "mmdebstrap (makes root filesystems)");
    }
}
