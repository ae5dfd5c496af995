//! What the firmware and the kernel know: this boot's name and root hash, what the boot selector did, and what a kernel said last.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use handover::{Handover, Variable};
use manifest::Digest;
use verity::BootParameter;

use crate::boots::PanicRecord;
use crate::config::HealthSettings;

/// How deep records of a panic may lie.
const DEPTH: usize = 3;

/// Longest record of a panic that is read, in bytes.
const MAX_LENGTH: u64 = 4 << 20;

/// How many files of records are read, the youngest ones.
const MAX_FILES: usize = 256;

/// What the kernel calls this boot; `None` if it does not tell.
pub fn boot_id(settings: &HealthSettings) -> Option<String> {
    let text = fs::read_to_string(&settings.boot_id).ok()?;
    Some(text.trim().to_owned()).filter(|id| !id.is_empty() && id.len() <= 64)
}

/// The root hash that this kernel verifies its root against; `None` on a system that was started otherwise.
pub fn root_hash(settings: &HealthSettings) -> Option<Digest> {
    let line = fs::read_to_string(&settings.command_line).ok()?;
    let parameter = BootParameter::in_command_line(&line).ok()??;
    Some(Digest::new(parameter.root_hash.0))
}

/// Whether the first program was told to arm the watchdog.
pub fn is_armed(settings: &HealthSettings) -> bool {
    let line = fs::read_to_string(&settings.command_line).unwrap_or_default();
    line.split_whitespace().any(|word| word.starts_with("waystone.watchdog="))
}

/// What the boot selector says about this boot; `None` on a machine without it.
///
/// # Errors
///
/// Fails when it says something that cannot be read.
pub fn handover(settings: &HealthSettings) -> Result<Option<Handover>, io::Error> {
    match fs::read(settings.efivars.join(Variable::BootReason.file_name())) {
        Ok(file) => Handover::from_file(&file).map(Some).map_err(io::Error::other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The records of panics that there are, the last one last.
pub fn panics(settings: &HealthSettings) -> Vec<PanicRecord> {
    let mut files = Vec::new();
    for folder in &settings.pstore_dirs {
        collect(folder, DEPTH, &mut files);
    }
    files.sort();
    files.drain(..files.len().saturating_sub(MAX_FILES));
    let mut panics: Vec<_> =
        files.iter().filter_map(|(time, path)| panic_in(*time, path)).collect();
    // Of records of the same second, one that says why is the better one.
    panics.sort_by_key(|record| (record.time.timestamp(), record.says_why));
    panics
}

/// Records of the kernel's log, with their times. Whatever cannot be read is none.
fn collect(folder: &Path, depth: usize, files: &mut Vec<(SystemTime, PathBuf)>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        let named = path.file_name().unwrap_or_default().to_string_lossy().starts_with("dmesg");
        match metadata.modified() {
            Ok(_) if metadata.is_dir() && depth > 1 => collect(&path, depth - 1, files),
            Ok(time) if metadata.is_file() && named && metadata.len() <= MAX_LENGTH => {
                files.push((time, path));
            }
            _ => {}
        }
    }
}

fn panic_in(time: SystemTime, path: &Path) -> Option<PanicRecord> {
    let (bytes, name) = (fs::read(path).ok()?, path.file_name()?.to_string_lossy());
    PanicRecord::read(&name, time.into(), &String::from_utf8_lossy(&bytes))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::Settings;

    const CONFIG: &str = "metadata_base_url = 'http://x/'\ntargets_base_url = 'http://x/'\nseed = 1\n\
        [health]\nboot_id_path = 'boot-id'\ncommand_line_path = 'cmdline'\nefivars_dir = 'efivars'\n\
        pstore_dirs = ['pstore', 'moved']\n";

    fn world() -> (tempfile::TempDir, HealthSettings) {
        let folder = tempfile::tempdir().unwrap();
        for name in ["efivars", "pstore", "moved/1234"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        let settings = Settings::parse(CONFIG, &folder.path().join("updog.toml")).unwrap().health;
        (folder, settings)
    }

    #[test]
    fn what_is_not_there_is_not_known() {
        let (_folder, settings) = world();
        assert_eq!((boot_id(&settings), root_hash(&settings)), (None, None));
        assert!(handover(&settings).unwrap().is_none());
        assert_eq!(panics(&settings), []);
    }

    #[test]
    fn the_kernel_says_boot_and_root_hash() {
        let (folder, settings) = world();
        fs::write(folder.path().join("boot-id"), "some-boot\n").unwrap();
        let line = format!("quiet waystone.verity=1,7,{},ab ro\n", "1".repeat(64));
        fs::write(folder.path().join("cmdline"), line).unwrap();
        assert_eq!(boot_id(&settings).unwrap(), "some-boot");
        assert_eq!(root_hash(&settings), Some(Digest::new([0x11; 32])));
        assert!(!is_armed(&settings));
        fs::write(folder.path().join("cmdline"), "ro waystone.watchdog=300").unwrap();
        assert!(is_armed(&settings));
    }

    #[test]
    fn what_the_selector_says_is_read_or_an_error() {
        let (folder, settings) = world();
        let file = folder.path().join("efivars").join(Variable::BootReason.file_name());
        fs::write(&file, "\x06\0\0\0set=A\n").unwrap();
        assert!(handover(&settings).is_err());
        let text = "\x06\0\0\0set=A\nrule=fallback\npriority=1\ntries=0\nsuccessful=yes\nspent=no\n\
                    counted=yes\ntable=good\nreason=x\nfailed=B y\n";
        fs::write(&file, text).unwrap();
        let failed = handover(&settings).unwrap().unwrap().failed;
        assert_eq!(failed.first().unwrap().why, "y");
    }

    #[test]
    fn panics_are_found_wherever_systemd_has_moved_their_records_the_last_one_last() {
        let (folder, settings) = world();
        let record = |name: &str, text: &str, seconds: u64| {
            let path = folder.path().join(name);
            fs::write(&path, format!("<4>[ 1.0] some\n<0>[ 1.1] {text}\n<4>more\n")).unwrap();
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
        };
        record("moved/1234/dmesg.txt", "Kernel panic - not syncing: newer", 200);
        record("pstore/dmesg-efi-1", "Kernel panic - not syncing: older", 100);
        record("pstore/dmesg-efi-2", "waystone: cannot boot: why", 200);
        record("pstore/dmesg-efi-3", "Oops", 300);
        record("pstore/console-ramoops-0", "Kernel panic - not syncing: no record", 300);
        let causes: Vec<_> = panics(&settings).into_iter().map(|it| it.finding.cause).collect();
        let causes: Vec<_> = causes.iter().map(|cause| cause.as_str()).collect();
        let wanted = ["kernel panic: older", "kernel panic: newer", "initramfs: cannot boot: why"];
        assert_eq!(causes, wanted);
    }
}
