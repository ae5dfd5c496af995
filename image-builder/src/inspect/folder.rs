//! Output folders of builds.

use std::path::Path;

use manifest::report::{Artifact, BuildReport};
use serde::Serialize;

use super::InspectError;
use crate::Error;

/// What the output folder of a build says of itself.
#[derive(Clone, Debug, Serialize)]
pub struct BuildFacts {
    /// Its report.
    pub report: BuildReport,
    /// The files that the report names.
    pub files: Vec<ArtifactFacts>,
}

/// A file that a report names.
#[derive(Clone, Debug, Serialize)]
pub struct ArtifactFacts {
    /// Its name.
    pub file: String,
    /// The length that the report gives.
    pub length: u64,
    /// The length that it has; none if it is missing. Digests are not compared.
    pub found: Option<u64>,
}

pub(super) fn facts(folder: &Path) -> Result<BuildFacts, Error> {
    if !folder.join("build-report.json").exists() {
        return Err(InspectError::Unknown(folder.to_owned()).into());
    }
    let report = crate::disk::read_report(folder)?;
    let images = [&report.images.boot, &report.images.root, &report.images.hash];
    let artifacts = images.into_iter().flat_map(|image| [&image.raw, &image.transport]);
    let files = artifacts.map(|artifact| look(folder, artifact)).collect();
    Ok(BuildFacts { report, files })
}

fn look(folder: &Path, artifact: &Artifact) -> ArtifactFacts {
    let Artifact { file, length, .. } = artifact;
    let inside = !file.contains('/') && file != "..";
    let found = folder.join(file).metadata().ok().filter(|found| inside && found.is_file());
    ArtifactFacts { file: file.clone(), length: *length, found: found.map(|found| found.len()) }
}
