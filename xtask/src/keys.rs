//! `cargo xtask keys`: keys for trying Secure Boot out, and firmware variables that know them.
//!
//! | file | what it is |
//! |---|---|
//! | `PK`, `KEK`, `db` | the platform's owner, who may change the lists, and who may sign what boots: `.key` and `.crt` each |
//! | `old` | one that might once, and was revoked: it is in db, and in dbx too |
//! | `rogue` | a key that the firmware does not know |
//! | `variables.fd` | variables for OVMF with Secure Boot on and all but the last enrolled |
//!
//! They are made anew on each machine and protect nothing: no key is in the repository, and none of these belongs
//! into a fleet. A whole set that is there is kept.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::command::Run;
use crate::packages::Need;
use crate::steps::say;
use crate::{Result, place, setup};

/// The names of the keys.
const NAMES: [&str; 5] = ["PK", "KEK", "db", "old", "rogue"];

/// Into which list of the firmware the certificate of each goes.
const ENROLLED: [(&str, &str); 5] = [
    ("--set-pk", "PK"),
    ("--add-kek", "KEK"),
    ("--add-db", "db"),
    ("--add-db", "old"),
    ("--add-dbx-cert", "old"),
];

/// The file with the variables.
const VARIABLES: &str = "variables.fd";

/// Who is said to have brought the keys in: any number that nobody else has.
const OWNER: &str = "5f6d5c53-2b1b-4c0c-9d0a-6a3a0a6d8e11";

/// OVMF's variables without any key, from Debian's package `ovmf`.
const EMPTY: &str = "/usr/share/OVMF/OVMF_VARS_4M.fd";

/// Where the keys go.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Folder of the keys [default: target/keys]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Makes the keys and says where they are.
pub(crate) fn run(options: &Options) -> Result<()> {
    let folder = options.dir.clone().unwrap_or_else(folder);
    setup::install_packages(&[Need::Always, Need::Machine])?;
    let said = make(&folder)?;
    say(&format!("{}: {said}\n", folder.display()));
    Ok(())
}

/// Where the keys are that tests use.
pub(crate) fn folder() -> PathBuf {
    place::target().join("keys")
}

/// Makes the keys, unless all of them are there, and says what was done.
///
/// # Errors
///
/// Fails when openssl or virt-fw-vars does, or is not there.
pub(crate) fn make(folder: &Path) -> Result<String> {
    let keys = NAMES.map(|name| format!("{name}.key"));
    let files = keys.iter().map(String::as_str).chain([VARIABLES]);
    if files.into_iter().all(|file| folder.join(file).exists()) {
        return Ok("there".to_owned());
    }
    place::make_folder(folder)?;
    for name in NAMES {
        make_key(folder, name)?;
    }
    enrol(folder)?;
    Ok(format!("made {} and {VARIABLES}", NAMES.join(", ")))
}

fn make_key(folder: &Path, name: &str) -> Result<()> {
    let [key, certificate] = ["key", "crt"].map(|kind| folder.join(format!("{name}.{kind}")));
    let subject = format!("/O=Waystone, for tests only/CN={name}");
    let make = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-sha256", "-days", "3650"];
    let run = Run::new("openssl").args(make).args(["-subj", &subject]);
    run.arg("-keyout").arg(key).arg("-out").arg(certificate).run().map(drop)
}

/// Puts the certificates into variables. They are written last, so that a set which has them is whole.
fn enrol(folder: &Path) -> Result<()> {
    setup::make_venv()?;
    let tool = place::target().join("venv/bin/virt-fw-vars");
    let partial = folder.join("variables.partial");
    let mut run = Run::new(&tool.to_string_lossy()).args(["--input", EMPTY, "--secure-boot"]);
    for (option, name) in ENROLLED {
        run = run.args([option, OWNER]).arg(folder.join(format!("{name}.crt")));
    }
    run.arg("--output").arg(&partial).run()?;
    place::rename(&partial, &folder.join(VARIABLES))
}
