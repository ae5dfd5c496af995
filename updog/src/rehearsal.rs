//! The settings of the next boot, tried out before the restart.
//!
//! `migrator` runs the migrations of an update on a copy of the settings, as the next boot will, and says what would change. It is called with what is
//! [`kept`] for that boot, by its command line, like any program of the host. A host without a data store has nothing to try out.
//!
//! Whatever it says is as long as it makes it; a bounded part of it is read.

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use semver::Version;
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::config::MigrationSettings;
use crate::kept;

/// Longest report that is read, in bytes.
const MAX_REPORT: u64 = 64 << 20;

/// The link that a data store begins with.
const CURRENT: &str = "current";

/// What the next boot will make of the settings.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Rehearsal {
    /// As the migrator reports it, in JSON.
    Report(Value),
    /// As the migrator tells it to people.
    Told(String),
}

/// Why the settings cannot be tried out, or what came of it.
#[derive(Debug, Error)]
pub enum RehearsalError {
    /// Whether there are settings cannot be known.
    #[error("cannot read {}", path.display())]
    Look {
        /// The link.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The program does not run.
    #[error("cannot run {}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The settings cannot be carried over.
    #[error("the settings would not survive the update to {version}")]
    Failed {
        /// The version.
        version: Version,
        /// Its exit code, if it ended by itself.
        code: Option<i32>,
    },
    /// The program's report is none.
    #[error("{} does not report what it should", program.display())]
    Report {
        /// The program.
        program: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// Tries out the settings for `version`, if there are any, with what is to be kept for its boot: the folder of a generation, and the trusted root. What the program says on standard error goes where this program's goes.
///
/// # Errors
///
/// [`RehearsalError::Failed`] when the migrations fail, or others when they cannot be tried.
pub fn rehearse(
    settings: &MigrationSettings,
    kept: (&Path, &Path),
    version: &Version,
    json: bool,
) -> Result<Option<Rehearsal>, RehearsalError> {
    if !settings.rehearse || !has_settings(&settings.datastore)? {
        return Ok(None);
    }
    let program = &settings.program;
    let start = |source| RehearsalError::Start { program: program.clone(), source };
    let mut child = command(settings, kept, version, json).spawn().map_err(start)?;
    let said = child.stdout.take().map(read).unwrap_or_else(|| Ok(String::new()));
    let status = ended(&mut child, said.is_err()).map_err(start)?;
    if !status.success() {
        let code = status.code();
        return Err(RehearsalError::Failed { version: version.clone(), code });
    }
    let report = |source| RehearsalError::Report { program: program.clone(), source };
    let said = said.map_err(report)?;
    match json {
        true => serde_json::from_str(&said).map(Rehearsal::Report).map_err(io::Error::other),
        false => Ok(Rehearsal::Told(said.trim_end().to_owned())),
    }
    .map(Some)
    .map_err(report)
}

/// Whether there is a data store. One that is damaged is one.
fn has_settings(datastore: &Path) -> Result<bool, RehearsalError> {
    let path = datastore.join(CURRENT);
    match fs::symlink_metadata(&path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(source) => Err(RehearsalError::Look { path, source }),
    }
}

fn command(
    settings: &MigrationSettings,
    (generation, root): (&Path, &Path),
    version: &Version,
    json: bool,
) -> Command {
    let mut command = Command::new(&settings.program);
    command
        .arg("--datastore-path")
        .arg(&settings.datastore)
        .arg("--metadata-directory")
        .arg(kept::metadata_directory(generation))
        .arg("--migration-directory")
        .arg(kept::migration_directory(generation))
        .arg("--root-path")
        .arg(root)
        .arg("--migrate-to-version")
        .arg(version.to_string())
        .arg("--rehearse")
        .args(json.then_some("--json"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command
}

/// Everything that it says, up to a limit.
fn read(output: ChildStdout) -> io::Result<String> {
    let mut text = String::new();
    output.take(MAX_REPORT + 1).read_to_string(&mut text)?;
    match u64::try_from(text.len()) {
        Ok(length) if length <= MAX_REPORT => Ok(text),
        _ => Err(io::Error::other(format!("it is longer than {MAX_REPORT} bytes"))),
    }
}

/// Waits for its end; one whose output is no use any more is ended.
fn ended(child: &mut Child, is_useless: bool) -> io::Result<std::process::ExitStatus> {
    if is_useless {
        child.kill()?;
    }
    child.wait()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    struct Host {
        folder: tempfile::TempDir,
        settings: MigrationSettings,
    }

    impl Host {
        /// A host whose migrator is this script.
        fn with(script: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = |name: &str| folder.path().join(name);
            fs::write(path("migrator"), format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(path("migrator"), fs::Permissions::from_mode(0o755)).unwrap();
            fs::create_dir(path("datastore")).unwrap();
            symlink("v1", path("datastore/current")).unwrap();
            let settings = MigrationSettings {
                datastore: path("datastore"),
                program: path("migrator"),
                rehearse: true,
            };
            Self { folder, settings }
        }

        fn rehearse(&self, json: bool) -> Result<Option<Rehearsal>, RehearsalError> {
            let [kept, root] = ["kept", "root.json"].map(|name| self.folder.path().join(name));
            rehearse(&self.settings, (&kept, &root), &Version::new(1, 1, 0), json)
        }
    }

    #[test]
    fn the_migrator_is_told_where_everything_is() {
        let host = Host::with("echo \"$@\"");
        let told = host.rehearse(false).unwrap().unwrap();
        let path = |name: &str| host.folder.path().join(name).display().to_string();
        let expected = format!(
            "--datastore-path {} --metadata-directory {} --migration-directory {} --root-path {} \
             --migrate-to-version 1.1.0 --rehearse",
            path("datastore"),
            path("kept/metadata"),
            path("kept/targets"),
            path("root.json"),
        );
        assert_eq!(told, Rehearsal::Told(expected));
    }

    #[test]
    fn its_report_is_passed_on() {
        let host = Host::with("echo '{\"changes\": []}'");
        let report = host.rehearse(true).unwrap();
        assert_eq!(report, Some(Rehearsal::Report(serde_json::json!({"changes": []}))));
        let host = Host::with("echo nothing");
        assert!(matches!(host.rehearse(true), Err(RehearsalError::Report { .. })));
    }

    #[test]
    fn a_host_without_settings_or_that_does_not_want_it_is_not_asked() {
        let mut host = Host::with("exit 1");
        assert!(matches!(host.rehearse(false), Err(RehearsalError::Failed { code: Some(1), .. })));
        host.settings.rehearse = false;
        assert_eq!(host.rehearse(false).unwrap(), None);
        host.settings.rehearse = true;
        fs::remove_file(host.settings.datastore.join(CURRENT)).unwrap();
        assert_eq!(host.rehearse(false).unwrap(), None);
        fs::remove_dir(&host.settings.datastore).unwrap();
        assert_eq!(host.rehearse(false).unwrap(), None);
    }

    #[test]
    fn settings_without_a_migrator_are_no_silent_success() {
        let mut host = Host::with("exit 0");
        host.settings.program = host.folder.path().join("missing");
        assert!(matches!(host.rehearse(false), Err(RehearsalError::Start { .. })));
    }

    #[test]
    fn a_report_without_end_is_cut_off() {
        let host = Host::with("exec cat /dev/zero");
        assert!(host.rehearse(false).is_err());
    }
}
