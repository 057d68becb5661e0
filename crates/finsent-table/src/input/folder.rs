//! Folders as inputs: data sets of parts, as Spark, pandas and DuckDB write them.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use finsent_model::platform::FileId;
use percent_encoding::percent_decode_str;

use super::format::FileFormat;
use super::input_file::InputFile;
use crate::error::TableError;
use crate::row::Field;

/// How Hive calls the folder of rows without a value.
const NO_VALUE: &str = "__HIVE_DEFAULT_PARTITION__";
/// Folders that belong to a table of another kind, whose files alone do not say which rows it has.
const TABLES: [(&str, &str); 2] = [("_delta_log", "Delta Lake"), (".hoodie", "Hudi")];

/// The files that are read: folders are replaced by their parts, in the order of their names.
///
/// # Errors
/// If a folder holds no parts, or others than of one format and with the same partitions.
pub(super) fn expand(paths: &[PathBuf], format: Option<FileFormat>) -> Result<Vec<InputFile>, TableError> {
    let mut files = Vec::new();
    for path in paths {
        match path.is_dir() {
            true => files.extend(parts(path, format)?),
            false => files.push(InputFile::alone(path.clone())),
        }
    }
    Ok(files)
}

/// The files that inputs name, with the parts of folders.
///
/// # Errors
/// As for [`Input::files`](super::Input::files).
pub fn list_files(paths: &[PathBuf], format: Option<FileFormat>) -> Result<Vec<PathBuf>, TableError> {
    Ok(expand(paths, format)?.into_iter().map(|file| file.path).collect())
}

/// The parts of a folder, in the order of their names.
fn parts(folder: &Path, format: Option<FileFormat>) -> Result<Vec<InputFile>, TableError> {
    let mut search = Search { folder, chosen: format, format: None, parts: Vec::new(), above: Vec::new() };
    search.walk(folder, &mut Vec::new())?;
    match search.parts.is_empty() {
        true => Err(TableError::EmptyFolder { path: folder.to_owned() }),
        false => Ok(search.parts),
    }
}

/// A search for the parts of a folder.
struct Search<'a> {
    folder: &'a Path,
    /// The format that the user says.
    chosen: Option<FileFormat>,
    /// The format of the first part.
    format: Option<FileFormat>,
    parts: Vec<InputFile>,
    /// The folders above the current one: a link may lead back to one of them.
    above: Vec<FileId>,
}

impl Search<'_> {
    /// Finds the parts in `folder`; its name and those above it stand for these values.
    fn walk(&mut self, folder: &Path, partitions: &mut Vec<(Arc<str>, Field)>) -> Result<(), TableError> {
        let id = FileId::at(folder).map_err(|error| cannot_read(folder, error))?;
        if self.above.contains(&id) {
            return Ok(());
        }
        self.above.push(id);
        for path in entries(folder)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if let Some((_, kind)) = TABLES.into_iter().find(|(table, _)| *table == name) {
                return Err(TableError::OtherTable { path: folder.to_owned(), kind });
            }
            if name.starts_with(['_', '.']) {
                continue;
            }
            let metadata = metadata(&path)?;
            if metadata.is_dir() {
                let count = partitions.len();
                partitions.extend(partition(&name));
                self.walk(&path, partitions)?;
                partitions.truncate(count);
            } else if !metadata.is_file() {
                return Err(TableError::NotRegularFile { path });
            } else if metadata.len() > 0 {
                self.add(InputFile { path, is_part: true, partitions: partitions.clone() })?;
            }
        }
        self.above.pop();
        Ok(())
    }

    /// Adds a part, if it is like the first.
    fn add(&mut self, part: InputFile) -> Result<(), TableError> {
        let format = match FileFormat::of(&part.path, self.chosen) {
            Err(TableError::UnknownFormat { path }) => {
                return Err(TableError::UnknownPart { folder: self.folder.to_owned(), path });
            }
            found => found?.0,
        };
        if let Some(first) = self.parts.first() {
            let (folder, files) = (self.folder.to_owned(), [first.path.clone(), part.path.clone()]);
            if self.format != Some(format) {
                return Err(TableError::MixedFormats { folder, files });
            }
            if !part.names().eq(first.names()) {
                return Err(TableError::OtherPartitions { folder, files });
            }
        }
        self.format = Some(format);
        self.parts.push(part);
        Ok(())
    }
}

/// What is in a folder, in the order of the names.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, TableError> {
    let entries = fs::read_dir(folder).and_then(|entries| {
        let paths = entries.map(|entry| entry.map(|entry| entry.path()));
        paths.collect::<Result<Vec<_>, _>>()
    });
    let mut entries = entries.map_err(|error| cannot_read(folder, error))?;
    entries.sort();
    Ok(entries)
}

fn metadata(path: &Path) -> Result<Metadata, TableError> {
    fs::metadata(path).map_err(|error| cannot_read(path, error))
}

fn cannot_read(path: &Path, error: io::Error) -> TableError {
    TableError::read(&path.display().to_string(), error)
}

/// The column and the value that the name of a folder stands for, as in `date=2026-03-09`.
fn partition(name: &str) -> Option<(Arc<str>, Field)> {
    let (key, value) = name.split_once('=').filter(|(key, _)| !key.is_empty())?;
    let decode = |text: &str| percent_decode_str(text).decode_utf8().map_or(text.to_owned(), String::from);
    let value = if value == NO_VALUE { Field::null() } else { Field::Text(decode(value)) };
    Some((decode(key).into(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "text\nUp\n").unwrap();
        }
        dir
    }

    fn names(files: &[&str]) -> Result<Vec<String>, TableError> {
        let dir = folder(files);
        let parts = parts(dir.path(), None)?;
        let name = |part: &InputFile| part.path.strip_prefix(dir.path()).unwrap().display().to_string();
        Ok(parts.iter().map(name).collect())
    }

    #[test]
    fn parts_are_sorted_and_what_is_hidden_is_left_out() {
        let files = ["part-1.csv", "part-0.csv.gz", "_SUCCESS", ".part-0.csv.crc", "b/2.csv", "_tmp/3.csv", "a/1.csv"];
        assert_eq!(names(&files).unwrap(), ["a/1.csv", "b/2.csv", "part-0.csv.gz", "part-1.csv"]);
    }

    #[test]
    fn the_names_of_folders_are_columns() {
        let dir = folder(&["date=2026-03-09/src=A%2FB/1.csv", "date=__HIVE_DEFAULT_PARTITION__/src=C/2.csv"]);
        let parts = parts(dir.path(), None).unwrap();
        let cells = |part: &InputFile| part.partitions.iter().map(|(_, field)| field.to_cell()).collect::<Vec<_>>();
        assert_eq!(parts[0].names().map(|name| &**name).collect::<Vec<_>>(), ["date", "src"]);
        assert_eq!(
            (cells(&parts[0]), cells(&parts[1])),
            (vec!["2026-03-09".into(), "A/B".into()], vec!["".into(), "C".into()])
        );
        assert!(parts[1].partitions[0].1.is_null());
    }

    #[test]
    fn what_is_not_one_data_set_is_refused_by_name() {
        let error = |files: &[&str]| names(files).unwrap_err().to_string();
        assert!(error(&["_SUCCESS"]).contains("no files"));
        assert!(error(&["a.csv", "b.parquet"]).contains("b.parquet"));
        assert!(error(&["a.csv", "README"]).contains("README"));
        assert!(error(&["x=1/a.csv", "b.csv"]).contains("b.csv"));
        assert!(error(&["a.parquet", "_delta_log/0.json"]).contains("Delta Lake"));
    }

    #[test]
    fn a_link_that_leads_back_is_not_followed() {
        let dir = folder(&["a/1.csv"]);
        std::os::unix::fs::symlink("..", dir.path().join("a/up")).unwrap();
        assert_eq!(parts(dir.path(), None).unwrap().len(), 1);
    }
}
