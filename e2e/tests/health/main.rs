//! A host whose boots are judged, by the programs, on a disk image.

#![allow(clippy::unwrap_used, clippy::panic)]

mod causes;
mod host;
mod verdicts;
