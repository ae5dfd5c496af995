//! Whether the network is paid for by what travels, as NetworkManager says (its D-Bus property `Metered`).

use std::path::Path;
use std::process::{Command, Stdio};

/// The property's values for yes, and for a guess that it is.
const METERED: [&str; 2] = ["u 1", "u 3"];

/// Whether it is. A host whose network something else manages is not known to be.
pub(super) fn is_metered(busctl: &Path) -> bool {
    let name = "org.freedesktop.NetworkManager";
    let property = ["get-property", name, "/org/freedesktop/NetworkManager", name, "Metered"];
    // Nothing is started to be asked.
    let mut command = Command::new(busctl);
    let command = command.args(["--auto-start=no", "--timeout=5"]).args(property);
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output();
    output.is_ok_and(|output| METERED.contains(&String::from_utf8_lossy(&output.stdout).trim()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_guess_counts_and_silence_does_not() {
        let folder = tempfile::tempdir().unwrap();
        for (said, wanted) in
            [("u 0", false), ("u 1", true), ("u 2", false), ("u 3", true), ("u 4", false)]
        {
            let busctl = folder.path().join(said);
            fs::write(&busctl, format!("#!/bin/sh\necho '{said}'\n")).unwrap();
            fs::set_permissions(&busctl, fs::Permissions::from_mode(0o755)).unwrap();
            assert_eq!(is_metered(&busctl), wanted, "{said}");
        }
        assert!(!is_metered(Path::new("/nonexistent/busctl")));
    }
}
