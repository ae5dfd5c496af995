//! One target: what is there already is compared, else it is fetched, compared and only then given its name.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use tempfile::NamedTempFile;
use trust::{Target, escape};
use url::Url;

use crate::error::Error;
use crate::http::{Http, below};

/// How much of a file is read at once.
const PIECE: usize = 1 << 16;

/// Fetches a target into `folder`, unless it is there.
pub(crate) async fn target(
    http: &Http,
    base: &Url,
    target: &Target,
    folder: &Path,
) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(Error::file(folder))?;
    let path = folder.join(escape(target.name()));
    if is_there(&path, target).map_err(Error::file(&path))? {
        return Ok(());
    }
    let file = fetch(http, base, target, folder).await?;
    file.persist(&path).map(drop).map_err(|error| Error::file(&path)(error.error))
}

fn is_there(path: &Path, target: &Target) -> io::Result<bool> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        other => other?,
    };
    let mut checker = target.checker();
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(checker.finish().is_ok()),
            length if checker.update(&piece[..length]).is_err() => return Ok(false),
            _ => {}
        }
    }
}

/// The whole file, compared with what was signed; nothing is left of one that is not it.
async fn fetch(
    http: &Http,
    base: &Url,
    target: &Target,
    folder: &Path,
) -> Result<NamedTempFile, Error> {
    let path = target.path();
    let url = below(base, path.split('/')).ok_or_else(|| Error::Address(path.clone()))?;
    let broken = |source| Error::Fetch { what: path.clone(), source };
    let response = http.get(&url).await.map_err(broken)?;
    let mut response = response.ok_or_else(|| Error::NoTarget(target.name().to_owned()))?;
    let mut file = NamedTempFile::new_in(folder).map_err(Error::file(folder))?;
    let mut checker = target.checker();
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        checker.update(&chunk).map_err(trust::Error::from)?;
        file.write_all(&chunk).map_err(Error::file(file.path()))?;
    }
    checker.finish()?;
    Ok(file)
}
