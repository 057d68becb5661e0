//! Files and folders that get their names when they are complete, and are removed if they never are.

mod directory;
mod file;
pub(crate) mod leftovers;
pub(crate) mod links;
pub mod unfinished;

pub use directory::AtomicDirectory;
pub(crate) use file::AtomicFile;
pub use file::{TemporaryName, with_suffix};
