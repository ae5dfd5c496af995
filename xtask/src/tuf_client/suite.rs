//! The suite as a checkout: its own Python environment, and one run of it.

use std::path::{Path, PathBuf};

use ring::digest::{SHA256, digest};

use super::report::Report;
use crate::command::Run;
use crate::error::Error;
use crate::steps::say;
use crate::{Result, place, setup};

/// A checkout of the suite; absolute, since it is run from within.
#[derive(Debug)]
pub(super) struct Suite {
    folder: PathBuf,
}

impl Suite {
    /// Takes a folder for a checkout if it looks like one.
    ///
    /// # Errors
    ///
    /// Fails when it holds no `tuf_conformance` or no `pyproject.toml`.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let folder = std::path::absolute(folder).map_err(Error::file("find", folder))?;
        if folder.join("tuf_conformance").is_dir() && folder.join("pyproject.toml").is_file() {
            return Ok(Self { folder });
        }
        let shown = folder.display();
        Err(Error::Usage(format!("{shown} holds no tuf_conformance with a pyproject.toml")))
    }

    /// Has the versions that the suite pins in an environment of their own; gives its Python.
    ///
    /// # Errors
    ///
    /// Fails when the environment cannot be made.
    pub(super) fn install(&self, venv: &Path) -> Result<PathBuf> {
        let python = venv.join("bin/python3");
        let stamp = venv.join("waystone-pyproject");
        let pins = place::read(&self.folder.join("pyproject.toml"))?;
        let pins = hex::encode(digest(&SHA256, pins.as_bytes()));
        if place::read(&stamp).is_ok_and(|there| there == pins) {
            return Ok(python);
        }
        setup::make_bare_venv(venv)?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        Run::new(&python.to_string_lossy()).args(pip).arg(&self.folder).run()?;
        place::write(&stamp, &pins)?;
        Ok(python)
    }

    /// Runs every test against `client`; the suite's own output goes where ours goes.
    ///
    /// # Errors
    ///
    /// Fails when pytest could not run the tests. Tests that failed are counted in the report.
    pub(super) fn run(&self, python: &Path, client: &Path) -> Result<Report> {
        let client = std::path::absolute(client).map_err(Error::file("find", client))?;
        let folder = tempfile::tempdir().map_err(Error::file("make", &std::env::temp_dir()))?;
        let report = folder.path().join("report.xml");
        let ran = Run::new(&python.to_string_lossy())
            .args(["-m", "pytest", "-q", "-ra", "-p", "no:cacheprovider"])
            .arg(format!("--junitxml={}", report.display()))
            .arg("--entrypoint")
            .arg(client)
            .arg("tuf_conformance")
            .current_dir(&self.folder)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .accept(&[0, 1])
            .run()?;
        say(&ran.stdout);
        Report::parse(&place::read(&report)?)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// Stands in for Python with pytest: tells in its report how often it found the checkout around it and its arguments.
    const PYTHON: &str = r#"#!/bin/sh
for argument; do
    case "$argument" in
        --junitxml=*) report="${argument#--junitxml=}" ;;
    esac
done
client="$(echo "$*" | sed 's/.*--entrypoint \([^ ]*\) tuf_conformance$/\1/')"
test -f pyproject.toml && test -x "$client" && tests=2
echo "<testsuite errors=\"0\" failures=\"0\" skipped=\"0\" tests=\"${tests:-0}\" >" > "$report"
"#;

    fn checkout(folder: &Path) -> Suite {
        fs::create_dir(folder.join("tuf_conformance")).unwrap();
        fs::write(folder.join("pyproject.toml"), "[project]\n").unwrap();
        Suite::open(folder).unwrap()
    }

    fn program(path: &Path, text: &str) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn a_folder_without_the_suite_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let error = Suite::open(folder.path()).unwrap_err();
        assert!(matches!(error, Error::Usage(_)), "{error}");
    }

    #[test]
    fn the_suite_runs_within_its_checkout_against_the_client() {
        let folder = tempfile::tempdir().unwrap();
        let suite = checkout(folder.path());
        let (python, client) = (folder.path().join("python"), folder.path().join("client"));
        program(&python, PYTHON);
        program(&client, "#!/bin/sh\n");
        suite.run(&python, &client).unwrap().verdict().unwrap();
        fs::remove_file(&client).unwrap();
        assert!(suite.run(&python, &client).unwrap().verdict().is_err());
    }

    #[test]
    fn an_environment_with_the_same_pins_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let suite = checkout(folder.path());
        let venv = folder.path().join("venv");
        fs::create_dir(&venv).unwrap();
        let pins = hex::encode(digest(&SHA256, b"[project]\n"));
        fs::write(venv.join("waystone-pyproject"), pins).unwrap();
        assert_eq!(suite.install(&venv).unwrap(), venv.join("bin/python3"));
    }
}
