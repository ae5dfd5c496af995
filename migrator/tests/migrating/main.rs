//! Settings carried between versions: forward and back, cut at every step, with damaged links and hostile and confined migrations.
#![allow(clippy::unwrap_used, clippy::panic)]

mod bounds;
mod confined;
mod cuts;
mod damage;
mod hostile;
mod returning;
mod streams;
mod versions;
mod world;
