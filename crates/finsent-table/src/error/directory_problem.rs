//! Why an output folder cannot be created.

use std::path::PathBuf;

use thiserror::Error;

/// Why a path cannot become a new folder.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum DirectoryProblem {
    /// There is a file of that name.
    #[error("it is not a folder; name a new one")]
    NotAFolder,
    /// The folder that would hold it does not exist.
    #[error("the folder `{}` does not exist; create it first", .0.display())]
    NoParent(PathBuf),
    /// It holds files.
    #[error("it is not empty; name a new folder")]
    NotEmpty,
    /// A volume is mounted there, which cannot be replaced.
    #[error("it is a mount point, which cannot be replaced; name a folder inside it")]
    MountPoint,
}
