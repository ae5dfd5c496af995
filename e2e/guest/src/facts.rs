//! What runs, as far as it can be seen from inside.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use handover::{EFIVARS, Variable, booted_set};

/// Files that are read to their end: what is damaged in one of them is found out by the kernel.
const PAYLOAD: &str = "/usr/share/guest";

/// Whether the firmware checks signatures (UEFI 2.10, 3.3).
const SECURE_BOOT: &str = "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";

/// Says it, and reads all that is there to be read.
///
/// # Errors
///
/// Fails when something cannot be read.
pub(crate) fn tell() -> io::Result<()> {
    println!("guest: version {}", field(&fs::read_to_string("/etc/os-release")?, "VERSION_ID="));
    // A machine without the boot selector has no such file.
    if let Ok(file) = fs::read(Path::new(EFIVARS).join(Variable::BootedSet.file_name())) {
        let set = booted_set(&file).map_err(io::Error::other)?;
        println!("guest: told that set {set} was started");
    }
    if let Ok(file) = fs::read(Path::new(EFIVARS).join(SECURE_BOOT)) {
        // Behind four bytes of attributes.
        println!("guest: SecureBoot={}", file.get(4).copied().unwrap_or_default());
    }
    println!("guest: root {}", root(&fs::read_to_string("/proc/self/mountinfo")?));
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    println!("guest: arguments {}", arguments.join(" "));
    println!("guest: read {} bytes", read_all(Path::new(PAYLOAD))?);
    Ok(())
}

/// The value of a field of os-release.
fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    value.unwrap_or("unknown").trim_matches('"')
}

/// What is mounted as the root, and how: `rw` or `ro`, filesystem, device.
fn root(mounts: &str) -> String {
    let mut root = mounts.lines().filter_map(|line| {
        let (place, what) = line.split_once(" - ")?;
        let place: Vec<&str> = place.split(' ').collect();
        let options = place.get(5)?.split(',').next()?;
        (*place.get(4)? == "/").then(|| format!("{options} {what}"))
    });
    root.next_back().unwrap_or_default()
}

fn read_all(folder: &Path) -> io::Result<u64> {
    let mut total = 0;
    for entry in fs::read_dir(folder)? {
        let mut file = File::open(entry?.path())?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                count => total += u64::try_from(count).map_err(io::Error::other)?,
            }
        }
    }
    Ok(total)
}
