//! Folders: whether they can be written, and how much room there is.

use std::path::PathBuf;

use cli::ByteCount;

use super::Finding;

/// Below this nothing can be kept.
const LEAST: u64 = 1 << 20;

/// Below this it will soon be too little.
const LOW: u64 = 16 << 20;

/// What is known of a folder.
pub struct Folder {
    /// Which one; stable.
    pub check: &'static str,
    /// Where it is.
    pub path: PathBuf,
    /// Why it cannot be written, if so.
    pub obstacle: Option<String>,
    /// Free bytes, if that is known.
    pub free: Option<u64>,
    /// Whether there are names left for new files.
    pub names_left: bool,
    /// Bytes that the next update keeps there, as far as is known.
    pub needed: u64,
}

/// Whether the next update can keep there what it has to.
pub fn judge(folder: &Folder) -> Finding {
    let Folder { check, path, .. } = folder;
    let path = path.display();
    if let Some(obstacle) = &folder.obstacle {
        let next = "run this as root, and see that the file system is mounted for writing";
        return Finding::problem(check, format!("{path} cannot be written: {obstacle}"), next);
    }
    let Some(free) = folder.free else {
        let text = format!("how much room {path} has is not known");
        return Finding::warning(check, text, "look at its file system");
    };
    let (needed, shown) = (folder.needed.saturating_add(LEAST), ByteCount(free));
    let full = format!("{path} has {shown} of room, and {} are needed", ByteCount(needed));
    match (folder.names_left, free) {
        (false, _) => Finding::problem(
            check,
            format!("{path} has no room for more files"),
            "remove some there",
        ),
        (_, free) if free < needed => Finding::problem(check, full, "make room there"),
        (_, free) if free < needed.saturating_add(LOW) => {
            Finding::warning(check, format!("{path} has only {shown} of room"), "make room there")
        }
        _ => Finding::ok(check, format!("{path} can be written, and has {shown} of room")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Severity::{self, Ok, Problem, Warning};
    use super::*;

    fn folder(free: u64) -> Folder {
        Folder {
            check: "state",
            path: PathBuf::from("/var/lib/waystone"),
            obstacle: None,
            free: Some(free),
            names_left: true,
            needed: 0,
        }
    }

    fn severity(folder: Folder) -> Severity {
        judge(&folder).severity
    }

    #[test]
    fn too_little_room_is_a_problem_and_little_a_warning() {
        assert_eq!(severity(folder(0)), Problem);
        assert_eq!(severity(folder(LEAST - 1)), Problem);
        assert_eq!(severity(folder(LEAST)), Warning);
        assert_eq!(severity(folder(LEAST + LOW)), Ok);
        let needed = Folder { needed: 1 << 30, ..folder(1 << 29) };
        assert!(judge(&needed).text.contains("512.0 MiB of room"), "{}", judge(&needed));
        assert_eq!(severity(needed), Problem);
        assert_eq!(severity(Folder { needed: 1 << 30, ..folder(2 << 30) }), Ok);
    }

    #[test]
    fn what_cannot_be_written_is_a_problem_however_much_room_there_is() {
        let obstacle = Some("Read-only file system".to_owned());
        let finding = judge(&Folder { obstacle, ..folder(u64::MAX) });
        assert_eq!(finding.severity, Problem);
        assert!(finding.text.contains("Read-only"), "{finding}");
        assert_eq!(severity(Folder { names_left: false, ..folder(u64::MAX) }), Problem);
        assert_eq!(severity(Folder { free: None, ..folder(0) }), Warning);
    }
}
