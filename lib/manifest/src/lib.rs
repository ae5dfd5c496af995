//! .
pub mod report;
