//! Root filesystems of Debian, made by mmdebstrap as tar archives: kept, and with files of a case put to their end, where what comes later
//! counts.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::case::{Failure, make_anew};
use super::debian::output;

/// Where the guest of mmdebstrap finds our package.
const DEB: &str = "/tmp/ours.deb";

/// A root filesystem with packages, and without anything of a case.
#[derive(Clone, Copy, Debug)]
pub(super) struct Base<'a> {
    /// Its name, and that of the archive.
    pub(super) name: &'a str,
    /// What is installed beside the essential packages, with commas between.
    pub(super) packages: &'a str,
    /// Files that lie in `/tmp` while the hooks run, by their names, with what is in them.
    pub(super) files: &'a [(&'a str, &'a str)],
    /// A package of ours, which is installed when the others are there, without a network.
    pub(super) deb: Option<&'a Path>,
    /// Shell lines for when the packages are there; `$1` is the root.
    pub(super) hooks: &'a [&'a str],
}

impl Base<'_> {
    /// The archive; it is kept in `cache` until something of it is to be another.
    ///
    /// # Errors
    ///
    /// Fails if mmdebstrap does, or the archive cannot be kept.
    pub(super) fn archive(&self, cache: &Path) -> Result<PathBuf, Failure> {
        let place = |end: &str| cache.join(format!("{}.{end}", self.name));
        let (whole, key) = (place("tar"), place("key"));
        let codename = codename()?;
        let wanted = self.key(&codename)?;
        if whole.exists() && fs::read(&key).is_ok_and(|found| found == wanted) {
            return Ok(whole);
        }
        let partial = place("partial.tar");
        self.mmdebstrap(cache, &codename, &partial)?;
        // Never another one's key beside it.
        let forget = || match fs::remove_file(&key) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        let keep = || {
            forget()
                .and_then(|()| fs::rename(&partial, &whole))
                .and_then(|()| fs::write(&key, &wanted))
        };
        keep().map_err(|cause| Failure::io("keep", &whole, &cause))?;
        Ok(whole)
    }

    /// Everything that the archive depends on, but for the packages' versions.
    fn key(&self, codename: &str) -> Result<Vec<u8>, Failure> {
        let texts = self.files.iter().map(|(_, text)| *text);
        let texts =
            [codename, self.packages].into_iter().chain(self.hooks.iter().copied()).chain(texts);
        let mut key: Vec<u8> = texts.flat_map(str::bytes).collect();
        if let Some(deb) = self.deb {
            key.extend(fs::read(deb).map_err(|cause| Failure::io("read", deb, &cause))?);
        }
        Ok(key)
    }

    fn mmdebstrap(&self, cache: &Path, codename: &str, tar: &Path) -> Result<(), Failure> {
        let files = cache.join(format!("{}-files", self.name));
        make_anew(&files)?;
        for (name, text) in self.files {
            write(&files.join(name), text, 0o644)?;
        }
        let mut command = Command::new("mmdebstrap");
        command.args(["--variant=minbase", "--format=tar"]);
        command.arg("--skip=download/empty,essential/unlink");
        command.arg(format!("--include={}", self.packages));
        command
            .args(["man", "doc"].map(|kind| format!("--dpkgopt=path-exclude=/usr/share/{kind}/*")));
        command.arg("--dpkgopt=force-unsafe-io");
        command.arg("--setup-hook=mkdir -p \"$1/var/cache/apt/archives\"");
        let packages = cache.join("../debs");
        if packages.exists() {
            let packages = packages.display();
            command.arg(format!("--setup-hook=sync-in '{packages}' /var/cache/apt/archives"));
        }
        let copied = self.files.iter().map(|(name, _)| files.join(name));
        command
            .args(copied.map(|path| format!("--customize-hook=copy-in '{}' /tmp", path.display())));
        if let Some(deb) = self.deb {
            command.arg(format!("--customize-hook=upload '{}' {DEB}", deb.display()));
            command.arg(format!(
                "--customize-hook=chroot \"$1\" dpkg --install {DEB} && rm \"$1\"{DEB}"
            ));
        }
        command.args(self.hooks.iter().map(|hook| format!("--customize-hook={hook}")));
        command.arg(codename).arg(tar);
        // The machine's own sources of packages, if they are known.
        let sources = cache.join("debian.sources");
        command.args(sources.exists().then_some(sources));
        output(&mut command).map(drop)
    }
}

/// The code name of this machine's Debian, whose kernel and libraries the system has.
fn codename() -> Result<String, Failure> {
    let path = Path::new("/etc/os-release");
    let text = fs::read_to_string(path).map_err(|cause| Failure::io("read", path, &cause))?;
    let name = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    name.map(str::to_owned)
        .ok_or_else(|| Failure::new("/etc/os-release names no release of Debian"))
}

/// Puts files of a folder to the end of an archive, as those of root.
///
/// # Errors
///
/// Fails if tar does.
pub(super) fn append(tar: &Path, folder: &Path, rest: &[&str]) -> Result<(), Failure> {
    let mut command = Command::new("tar");
    command.args(["--append", "--numeric-owner", "--owner=0", "--group=0", "--file"]).arg(tar);
    output(command.arg("--directory").arg(folder).args(rest)).map(drop)
}

/// Writes a file, and the folders that it lies in.
///
/// # Errors
///
/// Fails if one of them cannot be written.
pub(super) fn write(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    let write = || -> io::Result<()> {
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
        fs::write(path, text)?;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
    };
    write().map_err(|cause| Failure::io("write", path, &cause))
}
