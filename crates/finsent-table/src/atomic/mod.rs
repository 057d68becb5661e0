//! Files and folders that get their names when they are complete, and are removed if they never are.

mod directory;
pub mod unfinished;

pub use directory::AtomicDirectory;
