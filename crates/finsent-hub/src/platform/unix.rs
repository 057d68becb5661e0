//! Unix systems.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The variable with the user's home.
pub(crate) const HOME: &str = "HOME";

/// Lets other users who share the cache take the lock. Fails if the lock is theirs, and then they have set the
/// permissions.
pub(crate) fn share_with_group(lock: &File) {
    lock.set_permissions(Permissions::from_mode(0o664)).unwrap_or_default();
}

pub(crate) fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}
