//! Patterns of file names.

use std::fs;
use std::path::{Path, PathBuf};

use glob::{MatchOptions, glob_with};

use crate::error::TableError;

/// The files that `inputs` name, in order: a pattern, such as `news/*.csv`, is replaced by the files that match it, sorted.
/// A name that exists is not a pattern.
///
/// # Errors
/// If a pattern is malformed or matches no file, or if standard input is one of several.
pub fn expand(inputs: Vec<PathBuf>) -> Result<Vec<PathBuf>, TableError> {
    if inputs.len() > 1 && inputs.iter().any(|input| input.as_os_str() == "-") {
        return Err(TableError::StandardInputAmongOthers);
    }
    let mut files = Vec::new();
    for input in inputs {
        match pattern(&input) {
            Some(pattern) => files.extend(matches(pattern)?),
            None => files.push(input),
        }
    }
    Ok(files)
}

fn pattern(input: &Path) -> Option<&str> {
    let pattern = input.to_str()?;
    (pattern.contains(['*', '?', '[']) && fs::symlink_metadata(input).is_err()).then_some(pattern)
}

/// The files that match; as in a shell, hidden ones only if the pattern has the dot.
fn matches(pattern: &str) -> Result<Vec<PathBuf>, TableError> {
    let options = MatchOptions { require_literal_leading_dot: true, ..MatchOptions::new() };
    let paths = glob_with(pattern, options)
        .map_err(|error| TableError::Pattern { pattern: pattern.to_owned(), reason: error.msg.to_owned() })?;
    let search = |error: glob::GlobError| TableError::Search {
        pattern: pattern.to_owned(),
        source: std::io::Error::from(error).into(),
    };
    let paths: Vec<PathBuf> = paths.collect::<Result<_, _>>().map_err(search)?;
    let (folders, mut files): (Vec<PathBuf>, Vec<PathBuf>) = paths.into_iter().partition(|path| path.is_dir());
    // A pattern such as `**` matches the folders on its way, too.
    if files.is_empty() && !pattern.contains("**") {
        files = folders;
    }
    files.sort();
    if files.is_empty() {
        return Err(TableError::NoMatch { pattern: pattern.to_owned() });
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(inputs: &[PathBuf]) -> Result<Vec<String>, TableError> {
        let files = expand(inputs.to_vec())?;
        Ok(files.iter().map(|file| file.file_name().unwrap().to_str().unwrap().to_owned()).collect())
    }

    #[test]
    fn a_pattern_is_replaced_by_its_files_and_an_existing_name_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::create_dir_all(path("sub.csv")).unwrap();
        for name in ["b.csv", "a.csv", ".hidden.csv", "c.txt", "[x]*.csv", "sub.csv/d.csv"] {
            fs::write(path(name), "text\n").unwrap();
        }
        assert_eq!(names(&[path("c.txt"), path("?.csv")]).unwrap(), ["c.txt", "a.csv", "b.csv"]);
        assert_eq!(names(&[path("[x]*.csv")]).unwrap(), ["[x]*.csv"]);
        assert_eq!(names(&[path("**/[a-d].csv")]).unwrap(), ["a.csv", "b.csv", "d.csv"]);
        assert_eq!(names(&[path("missing.csv")]).unwrap(), ["missing.csv"]);
        assert!(matches!(names(&[path("*.jsonl")]), Err(TableError::NoMatch { .. })));
        assert!(matches!(names(&[path("***.csv")]), Err(TableError::Pattern { .. })));
    }

    #[test]
    fn standard_input_cannot_be_combined_with_files() {
        assert_eq!(expand(vec!["-".into()]).unwrap(), [PathBuf::from("-")]);
        let both = expand(vec!["-".into(), "a.csv".into()]);
        assert!(matches!(both, Err(TableError::StandardInputAmongOthers)));
    }
}
