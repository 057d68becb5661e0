//! Windows.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

/// The variable with the user's home, where Python looks for it too.
pub(crate) const HOME: &str = "USERPROFILE";

/// New files inherit the permissions of their folder.
pub(crate) fn share_with_group(_: &File) {}

/// Few users may make links: copies the file instead.
pub(crate) fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    if link.exists() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    fs::copy(link.parent().unwrap_or(link).join(target), link).map(drop)
}
