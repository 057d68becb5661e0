//! Whether two paths name the same file, though it may not exist yet.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use finsent_model::platform::{FileId, FileIdentity};

use super::destination::Destination;
use crate::atomic::links;
use crate::error::TableError;
use crate::platform;

/// Refuses outputs of which two are the same file, and outputs that are inputs or in a folder that is one. Standard output and
/// input are `-`.
///
/// # Errors
/// [`TableError::SameOutput`], [`TableError::OutputIsInput`] or [`TableError::OutputInInput`].
pub fn check_outputs(outputs: &[PathBuf], inputs: &[PathBuf]) -> Result<(), TableError> {
    let place = |path: &PathBuf, standard: Option<&str>| {
        let place = Place::of(if path.as_os_str() == "-" { Path::new(standard?) } else { path });
        place.map(|place| (path.clone(), place))
    };
    let outputs: Vec<_> = outputs.iter().filter_map(|path| place(path, platform::STANDARD_OUTPUT)).collect();
    let folders: Vec<_> = inputs.iter().filter_map(|path| Some((path, folder_id(path)?))).collect();
    let inputs: Vec<_> = inputs.iter().filter_map(|path| place(path, platform::STANDARD_INPUT)).collect();
    for (index, (path, output)) in outputs.iter().enumerate() {
        if let Some((first, _)) = outputs[..index].iter().find(|(_, other)| output.is(other)) {
            return Err(TableError::SameOutput { first: first.clone(), second: path.clone() });
        }
        if inputs.iter().any(|(_, input)| output.is(input) || output.shares_contents(input)) {
            return Err(TableError::OutputIsInput { path: path.clone() });
        }
        if let Some((folder, _)) = folders.iter().find(|(_, folder)| output.is_in(*folder)) {
            return Err(TableError::OutputInInput { path: path.clone(), folder: (*folder).clone() });
        }
    }
    Ok(())
}

/// Refuses inputs of which two are the same file, whose rows would count twice.
///
/// # Errors
/// [`TableError::InputTwice`].
pub fn check_once(inputs: &[PathBuf]) -> Result<(), TableError> {
    let mut known: HashMap<FileId, &PathBuf> = HashMap::new();
    for path in inputs {
        let Some(id) = path.is_file().then(|| FileId::at(path).ok()).flatten() else { continue };
        if let Some(first) = known.insert(id, path) {
            return Err(TableError::InputTwice { first: first.clone(), second: path.clone() });
        }
    }
    Ok(())
}

/// Where a file is.
struct Place {
    /// The folder's device and number: it may be mounted in several places.
    folder: Option<FileId>,
    path: PathBuf,
    name: OsString,
    /// The file, if it exists.
    file: Option<FileIdentity>,
}

impl Place {
    /// `None` for devices and terminals, which several can write to.
    fn of(path: &Path) -> Option<Self> {
        let found = fs::metadata(path).ok();
        if found.as_ref().is_some_and(|file| !file.is_file() && !platform::is_pipe(file.file_type())) {
            return None;
        }
        let file = found.and_then(|_| FileIdentity::at(path).ok());
        let path = match Destination::file(path) {
            Some(path) => path,
            None => platform::real_path(path).unwrap_or_else(|_| path.to_owned()),
        };
        let folder = FileId::at(links::folder(&path)).ok();
        let name = path.file_name().unwrap_or_default().to_owned();
        Some(Self { folder, path, name, file })
    }

    fn is(&self, other: &Self) -> bool {
        if self.folder.is_none() || self.folder != other.folder {
            // A file with one name can be in two folders only if it is mounted on its own.
            return self.is_same_file(other);
        }
        self.name == other.name
            || self.is_same_file(other)
            || self.file.is_none()
                && other.file.is_none()
                && self.name.eq_ignore_ascii_case(&other.name)
                && ignores_case(links::folder(&self.path))
    }

    /// Whether both exist and are one file with one or more names.
    fn shares_contents(&self, other: &Self) -> bool {
        matches!((&self.file, &other.file), (Some(one), Some(other)) if one.id == other.id)
    }

    /// Whether it is in a folder, at any depth.
    fn is_in(&self, folder: FileId) -> bool {
        let Ok(above) = fs::canonicalize(links::folder(&self.path)) else { return false };
        above.ancestors().any(|above| folder_id(above) == Some(folder))
    }

    /// Whether both exist and are the same. Hard links are not: an output replaces one name and leaves the other.
    fn is_same_file(&self, other: &Self) -> bool {
        match (&self.file, &other.file) {
            (Some(one), Some(other)) => one.id == other.id && one.names == 1,
            _ => false,
        }
    }
}

fn folder_id(path: &Path) -> Option<FileId> {
    path.is_dir().then(|| FileId::at(path).ok()).flatten()
}

/// Whether a folder takes names that differ in case for the same; false if no file can be created there.
fn ignores_case(folder: &Path) -> bool {
    let probe = tempfile::Builder::new().prefix(".finsent-case-").tempfile_in(folder);
    probe.is_ok_and(|probe| {
        let name = probe.path().file_name().unwrap_or_default().to_ascii_uppercase();
        fs::symlink_metadata(folder.join(name)).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn check(outputs: &[PathBuf], inputs: &[PathBuf]) -> Result<(), TableError> {
        check_outputs(outputs, inputs)
    }

    #[test]
    fn one_file_has_many_names() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::create_dir(path("sub")).unwrap();
        fs::write(path("there"), "").unwrap();
        symlink("there", path("link")).unwrap();
        symlink("new", path("dangling")).unwrap();
        symlink(".", path("here")).unwrap();
        for (one, other) in [
            ("there", "there"),
            ("there", "sub/../there"),
            ("there", "link"),
            ("new", "new"),
            ("new", "dangling"),
            ("new", "here/new"),
            ("here/dangling", "sub/../new"),
        ] {
            let same = check(&[path(one), path(other)], &[]);
            assert!(matches!(same, Err(TableError::SameOutput { .. })), "{one} {other}");
            let input = check(&[path(one)], &[path("sub"), path(other)]);
            assert!(matches!(input, Err(TableError::OutputIsInput { .. })), "{one} {other}");
        }
    }

    #[test]
    fn an_output_is_not_in_a_folder_that_is_read_and_no_other_name_of_an_input() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::create_dir_all(path("news/sub")).unwrap();
        symlink("news", path("link")).unwrap();
        for output in ["news/out.csv", "news/sub/out.csv", "link/sub/../out.csv"] {
            let inside = check(&[path(output)], &[path("news")]);
            assert!(matches!(inside, Err(TableError::OutputInInput { .. })), "{output}");
        }
        check(&[path("out.csv"), path("newsletter.csv")], &[path("news")]).unwrap();
        fs::write(path("there"), "").unwrap();
        fs::hard_link(path("there"), path("hard")).unwrap();
        assert!(matches!(check(&[path("hard")], &[path("there")]), Err(TableError::OutputIsInput { .. })));
    }

    #[test]
    fn an_input_that_is_given_twice_is_refused_by_any_of_its_names() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("there"), "").unwrap();
        fs::write(path("other"), "").unwrap();
        symlink("there", path("link")).unwrap();
        fs::hard_link(path("there"), path("hard")).unwrap();
        for again in ["there", "./there", "link", "hard"] {
            let error = check_once(&[path("there"), path("other"), path(again)]).unwrap_err();
            assert!(matches!(error, TableError::InputTwice { .. }), "{again}: {error}");
        }
        check_once(&[path("there"), path("other"), path("missing"), path("missing")]).unwrap();
        check_once(&["/dev/null".into(), "/dev/null".into()]).unwrap();
    }

    #[test]
    fn other_files_and_devices_are_not_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("there"), "").unwrap();
        fs::hard_link(path("there"), path("hard")).unwrap();
        for (one, other) in [("there", "new"), ("new", "newer"), ("there", "hard"), ("a", "A"), ("lost/a", "lost/b")] {
            check(&[path(one), path(other)], &[]).unwrap();
        }
        check(&["/dev/null".into(), "/dev/null".into()], &["/dev/null".into()]).unwrap();
    }
}
