//! Links at the place of an output: they are followed, so that what they point to is written and the link stays.

use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::platform::real_path;

/// Most links that are followed, as in Linux.
const MAX_LINKS: usize = 40;

/// The path that `path` leads to, whether or not there is something.
///
/// # Errors
/// If its links lead in a circle.
pub(crate) fn follow(path: &Path) -> io::Result<PathBuf> {
    if let Ok(real) = real_path(path) {
        return Ok(real);
    }
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(target) = fs::read_link(&path) else { return Ok(path) };
        path = folder(&path).join(target);
    }
    Err(io::Error::other("its links lead in a circle"))
}

/// The folder that holds `path`.
pub(crate) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_to_what_is_there_and_what_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        let path = |name: &str| root.join(name);
        fs::create_dir(path("sub")).unwrap();
        fs::write(path("sub/there"), "").unwrap();
        for (link, target) in
            [("live", "sub/there"), ("dangling", "sub/new"), ("second", "dangling"), ("lost", "no/new")]
        {
            symlink(target, path(link)).unwrap();
        }
        assert_eq!(follow(&path("live")).unwrap(), path("sub/there"));
        assert_eq!(follow(&path("dangling")).unwrap(), path("sub/new"));
        assert_eq!(follow(&path("second")).unwrap(), path("sub/new"));
        assert_eq!(follow(&path("lost")).unwrap(), path("no/new"));
        assert_eq!(follow(Path::new("plain")).unwrap(), Path::new("plain"));
    }

    #[test]
    fn links_in_a_circle_are_an_error() {
        let dir = tempfile::tempdir().unwrap();
        symlink("b", dir.path().join("a")).unwrap();
        symlink("a", dir.path().join("b")).unwrap();
        assert!(follow(&dir.path().join("a")).unwrap_err().to_string().contains("circle"));
    }
}
