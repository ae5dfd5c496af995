//! Repositories in memory.

pub mod mutated;
pub mod repository;
