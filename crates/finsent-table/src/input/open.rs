//! Inputs: where rows come from.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::arguments::Arguments;
use super::concat::ConcatReader;
use super::counted_rows::CountedRows;
use super::filtered_rows::FilteredRows;
use super::first_rows::FirstRows;
use super::folder;
use super::input_file::InputFile;
use super::late_notes::LateNotes;
use super::look_ahead::LookAhead;
use super::open_file::OpenFile;
use super::progress::InputProgress;
use super::read_stats::ReadStats;
use super::reading::Reading;
use super::shard::{Shard, ShardRows};
use super::standard_input;
use crate::column_names::check_count;
use crate::error::TableError;
use crate::parquet::ParquetFile;
use crate::row::{Row, RowReader};

/// The rows that the user asked for.
pub struct Input {
    /// The rows, in order.
    pub rows: Box<dyn RowReader>,
    /// Columns of the first file, or of all if those are wanted; none for arguments and lines of standard input.
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

    /// Opens files and the parts of folders, which are read one after the other. Their names say their formats; the columns
    /// are those of the first.
    ///
    /// # Errors
    /// If a file cannot be read, or lacks a column, as far as its beginning shows.
    pub fn files(paths: &[PathBuf], reading: &Reading) -> Result<Self, TableError> {
        let mut rest = VecDeque::from(folder::expand(paths, reading.format)?);
        let stats = Arc::<ReadStats>::default();
        let (first, opened) = open_first(&mut rest, reading, &stats)?;
        let OpenFile { rows, columns, parquet, notes, how } = opened;
        let mut known = KnownFiles {
            total: 0,
            types: parquet.map_or(ColumnTypes::Untyped, ColumnTypes::Parquet),
            files: vec![(first.path.display().to_string(), columns.clone())],
            told: vec![(first.path.clone(), notes, how)],
            columns,
        };
        known.total += size(&first.path)?.len();
        let mut to_read = VecDeque::new();
        for file in rest {
            if known.add(&file, &first.path, reading)? {
                to_read.push_back(file);
            }
        }
        let rows = match to_read.is_empty() {
            true => rows,
            false => {
                let reading = Reading { all_columns: false, ..reading.clone() };
                Box::new(ConcatReader::new(&first.path, rows, to_read, reading, Arc::clone(&stats)))
            }
        };
        let KnownFiles { total, columns, files, types, told } = known;
        let progress = Some(InputProgress::of_files(Arc::clone(&stats), total));
        let late_notes = LateNotes(Arc::clone(&stats));
        let rows = Box::new(CountedRows { rows, stats });
        let notes = of_files(told.iter().map(|(path, notes, _)| (path, notes.join("; "))));
        let how = of_files(told.iter().map(|(path, _, how)| (path, how.clone()))).join("; ");
        Ok(Self { rows, columns, files, types, progress, kind: InputKind::File, notes, late_notes, how })
    }

    /// The first rows, at most so many.
    pub fn limit(self, rows: u64) -> Self {
        let progress = self.progress.map(|progress| progress.limit(rows));
        Self { rows: Box::new(FirstRows { rows: self.rows, left: rows }), progress, ..self }
    }

    /// Only the rows that are wanted.
    pub fn filter(self, is_wanted: impl Fn(&Row) -> bool + Send + 'static) -> Self {
        Self { rows: Box::new(FilteredRows { rows: self.rows, is_wanted: Box::new(is_wanted) }), ..self }
    }

    /// Shows the first rows, at most so many, to `check`. They stay to be read.
    ///
    /// # Errors
    /// If one of them cannot be read, or that of `check`.
    pub fn look_ahead<E: From<TableError>>(
        &mut self,
        most: usize,
        check: impl FnOnce(&[Row]) -> Result<(), E>,
    ) -> Result<(), E> {
        let rows = std::mem::replace(&mut self.rows, Box::new(Arguments::new(Vec::new())));
        let mut rows = LookAhead::new(rows, most)?;
        check(rows.ahead())?;
        self.rows = Box::new(rows);
        Ok(())
    }

    /// The files whose columns are known before they are read, with these; of JSON, those of the first object.
    pub fn known_files(&self) -> impl Iterator<Item = (&str, &[Arc<str>])> {
        self.files.iter().map(|(file, columns)| (file.as_str(), columns.as_slice()))
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

/// Opens the first file. Parts without rows have no columns, and are left out.
fn open_first(
    files: &mut VecDeque<InputFile>,
    reading: &Reading,
    stats: &Arc<ReadStats>,
) -> Result<(InputFile, OpenFile), TableError> {
    loop {
        let first = files.pop_front().ok_or(TableError::NoInput)?;
        match first.open(reading, stats) {
            Err(TableError::Empty { .. }) if first.is_part && !files.is_empty() => (),
            opened => return Ok((first, opened?)),
        }
    }
}

/// What is known about files before they are read.
struct KnownFiles {
    /// Their bytes.
    total: u64,
    /// The columns of the first, and of the others if those are wanted.
    columns: Vec<Arc<str>>,
    files: Vec<(String, Vec<Arc<str>>)>,
    types: ColumnTypes,
    /// What is to be told about each file, and how it is read.
    told: Vec<(PathBuf, Vec<String>, String)>,
}

impl KnownFiles {
    /// Adds a file that is read after the first; false if it is a part without rows.
    fn add(&mut self, file: &InputFile, first: &Path, reading: &Reading) -> Result<bool, TableError> {
        let path = &file.path;
        let metadata = size(path)?;
        self.total += metadata.len();
        // Opening a pipe here would take what its writer sends.
        if !metadata.is_file() || path == first {
            return Ok(true);
        }
        let other = match file.open(reading, &Arc::default()) {
            Err(TableError::Empty { .. }) if file.is_part => return Ok(false),
            opened => opened?,
        };
        if reading.all_columns {
            let known: HashSet<&Arc<str>> = self.columns.iter().collect();
            let new: Vec<Arc<str>> = other.columns.iter().filter(|name| !known.contains(name)).cloned().collect();
            self.columns.extend(new);
            check_count(&path.display().to_string(), self.columns.len())?;
        }
        self.files.push((path.display().to_string(), other.columns));
        self.types = std::mem::replace(&mut self.types, ColumnTypes::Untyped).and(path, other.parquet.as_deref());
        self.told.push((path.clone(), other.notes, other.how));
        Ok(true)
    }
}

fn size(path: &Path) -> Result<Metadata, TableError> {
    fs::metadata(path).map_err(|error| TableError::read(&path.display().to_string(), error))
}

/// What is said about files, once for all of which the same is said, with the name of the first.
fn of_files<'a>(said: impl Iterator<Item = (&'a PathBuf, String)>) -> Vec<String> {
    let mut groups: Vec<(&PathBuf, u64, String)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for (path, words) in said.filter(|(_, words)| !words.is_empty()) {
        match places.get(&words) {
            Some(&place) => groups[place].1 += 1,
            None => {
                places.insert(words.clone(), groups.len());
                groups.push((path, 0, words));
            }
        }
    }
    let one = |(path, more, words): (&PathBuf, u64, String)| match more {
        0 => format!("{}: {words}", path.display()),
        more => format!("{} and {more} more: {words}", path.display()),
    };
    groups.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_same_for_many_files_is_said_once() {
        let paths: Vec<PathBuf> = ["a", "b", "c", "d"].map(PathBuf::from).to_vec();
        let said = ["no header", "", "tab-separated", "no header"].map(String::from);
        let said = of_files(paths.iter().zip(said));
        assert_eq!(said, ["a and 1 more: no header", "c: tab-separated"]);
    }
}
