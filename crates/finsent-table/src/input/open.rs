//! Inputs: where rows come from.

use std::collections::{HashSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::arguments::Arguments;
use super::concat::ConcatReader;
use super::counted_rows::CountedRows;
use super::first_rows::FirstRows;
use super::format::FileFormat;
use super::late_notes::LateNotes;
use super::open_file::OpenFile;
use super::progress::InputProgress;
use super::read_stats::ReadStats;
use super::reading::Reading;
use super::shard::{Shard, ShardRows};
use super::standard_input;
use crate::column_names::check_count;
use crate::error::TableError;
use crate::parquet::ParquetFile;
use crate::row::RowReader;

/// The rows that the user asked for.
pub struct Input {
    /// The rows, in order.
    pub rows: Box<dyn RowReader>,
    /// Columns of the first file; none for arguments and standard input.
    pub columns: Vec<Arc<str>>,
    /// The files whose columns are known, with these.
    files: Vec<(String, Vec<Arc<str>>)>,
    /// The types of the columns.
    pub types: ColumnTypes,
    /// How much there is to read; `None` for arguments and standard input.
    pub progress: Option<InputProgress>,
    /// Where the rows come from.
    pub kind: InputKind,
    /// What is to be told about how the files are read: what was settled on their first rows.
    pub notes: Vec<String>,
    /// What is to be told at the end.
    pub late_notes: LateNotes,
    /// How the files are read, if that is not plain; empty if it is. A run can be resumed only in the same way.
    pub how: String,
}

/// The types of an input's columns.
pub enum ColumnTypes {
    /// They have none.
    Untyped,
    /// Those of the first file; all files are Parquet and have the same columns.
    Parquet(Arc<ParquetFile>),
    /// Some files are Parquet, and the columns of this one differ from the first file's.
    Mixed(String),
}

impl ColumnTypes {
    /// The file that has the types, if there are any.
    ///
    /// # Errors
    /// [`TableError::OtherColumns`] if the files do not have the same types.
    pub fn file(&self) -> Result<Option<&ParquetFile>, TableError> {
        match self {
            Self::Untyped => Ok(None),
            Self::Parquet(file) => Ok(Some(file)),
            Self::Mixed(file) => Err(TableError::OtherColumns { file: file.clone() }),
        }
    }

    /// The types of these files and one more.
    fn and(self, path: &Path, other: Option<&ParquetFile>) -> Self {
        let is_same = match &self {
            Self::Untyped => other.is_none(),
            Self::Parquet(file) => other.is_some_and(|other| other.columns() == file.columns()),
            Self::Mixed(_) => true,
        };
        if is_same { self } else { Self::Mixed(path.display().to_string()) }
    }
}

/// Where rows come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    /// Texts that were given one by one.
    Arguments,
    /// Standard input.
    StandardInput,
    /// One or more files.
    File,
}

impl Input {
    /// Texts that are given one by one.
    pub fn arguments(texts: Vec<String>) -> Self {
        Self::without_columns(Box::new(Arguments::new(texts)), InputKind::Arguments)
    }

    /// Standard input before any of it is read, which may have to wait for another program. It has no rows until
    /// [`Input::standard_input`] opens it.
    pub fn unread_standard_input() -> Self {
        Self::without_columns(Box::new(Arguments::new(Vec::new())), InputKind::StandardInput)
    }

    /// Standard input: one text per line, or a table if that is what the user named or what its first lines show. Waits for the
    /// first line.
    ///
    /// # Errors
    /// If it cannot be read, or may be lines of text or a table.
    pub fn standard_input(reading: &Reading) -> Result<Self, TableError> {
        let stats = Arc::<ReadStats>::default();
        let OpenFile { rows, columns, notes, how, .. } = standard_input::open(reading, &stats)?;
        let input = Self::without_columns(rows, InputKind::StandardInput);
        let files = if columns.is_empty() { Vec::new() } else { vec![("standard input".to_owned(), columns.clone())] };
        Ok(Self { columns, files, notes, late_notes: LateNotes(stats), how, ..input })
    }

    fn without_columns(rows: Box<dyn RowReader>, kind: InputKind) -> Self {
        let (notes, how) = (Vec::new(), String::new());
        Self {
            rows,
            columns: Vec::new(),
            files: Vec::new(),
            types: ColumnTypes::Untyped,
            progress: None,
            kind,
            notes,
            late_notes: LateNotes::default(),
            how,
        }
    }

    /// Opens files, which are read one after the other. Their names say their formats; the columns are those of the first.
    ///
    /// # Errors
    /// If a file cannot be read, or lacks a column, as far as its beginning shows.
    pub fn files(paths: &[PathBuf], reading: &Reading) -> Result<Self, TableError> {
        let (first, rest) = paths.split_first().ok_or(TableError::NoInput)?;
        let stats = Arc::<ReadStats>::default();
        let OpenFile { rows, mut columns, parquet, notes, how } = OpenFile::open(first, reading, &stats)?;
        let mut told = vec![(first, notes, how)];
        let is_json = |path: &Path| matches!(FileFormat::of(path, reading.format), Ok((FileFormat::Json, _)));
        let mut files = vec![(first.display().to_string(), columns.clone())];
        let mut types = parquet.map_or(ColumnTypes::Untyped, ColumnTypes::Parquet);
        let mut total = 0;
        for path in paths {
            let metadata = fs::metadata(path).map_err(|error| TableError::read(&path.display().to_string(), error))?;
            total += metadata.len();
            // Opening a pipe here would take what its writer sends.
            if metadata.is_file() && path != first {
                let other = OpenFile::open(path, reading, &Arc::default())?;
                if reading.all_columns && is_json(path) {
                    let known: HashSet<&Arc<str>> = columns.iter().collect();
                    let new: Vec<Arc<str>> =
                        other.columns.iter().filter(|name| !known.contains(name)).cloned().collect();
                    columns.extend(new);
                    check_count(&path.display().to_string(), columns.len())?;
                }
                files.push((path.display().to_string(), other.columns));
                types = types.and(path, other.parquet.as_deref());
                told.push((path, other.notes, other.how));
            }
        }
        let progress = Some(InputProgress::of_files(Arc::clone(&stats), total));
        let late_notes = LateNotes(Arc::clone(&stats));
        let rows = match rest {
            [] => rows,
            rest => {
                let rest = VecDeque::from(rest.to_vec());
                let reading = Reading { all_columns: false, ..reading.clone() };
                Box::new(ConcatReader::new(first, rows, rest, reading, Arc::clone(&stats)))
            }
        };
        let rows = Box::new(CountedRows { rows, stats });
        let notes = told.iter().flat_map(|(path, notes, _)| of_file(path, notes)).collect();
        let how = told.iter().filter(|(_, _, how)| !how.is_empty());
        let how = how.map(|(path, _, how)| format!("{}: {how}", path.display())).collect::<Vec<_>>().join("; ");
        Ok(Self { rows, columns, files, types, progress, kind: InputKind::File, notes, late_notes, how })
    }

    /// The first rows, at most so many.
    pub fn limit(self, rows: u64) -> Self {
        let progress = self.progress.map(|progress| progress.limit(rows));
        Self { rows: Box::new(FirstRows { rows: self.rows, left: rows }), progress, ..self }
    }

    /// Checks that each file has a column, as far as the columns are known before the file is read.
    ///
    /// # Errors
    /// [`TableError::NoColumn`].
    pub fn check_column(&self, name: &str) -> Result<(), TableError> {
        let lacks = |columns: &[Arc<str>]| !columns.iter().any(|column| **column == *name);
        match self.files.iter().find(|(_, columns)| lacks(columns)) {
            None => Ok(()),
            Some((file, columns)) => Err(TableError::no_column(file, name, columns)),
        }
    }

    /// The rows of a shard. `all` is the number of rows, none of which has been read.
    pub fn only(self, shard: Shard, all: u64) -> Self {
        let rows = shard.of(all);
        let progress = Some(InputProgress::of_rows(rows.end - rows.start));
        Self { rows: Box::new(ShardRows::new(self.rows, shard, all)), progress, ..self }
    }
}

/// The notes about a file, with its name.
fn of_file(path: &Path, notes: &[String]) -> Option<String> {
    (!notes.is_empty()).then(|| format!("{}: {}", path.display(), notes.join("; ")))
}
