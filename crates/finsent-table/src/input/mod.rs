//! Rows in: arguments, lines, CSV, JSON lines and Parquet become texts with their columns.

mod compression;
mod concat;
mod delimited;
mod json_lines;
mod lines;
mod parquet;
mod rereading;
mod shard;
mod source;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use serde::Serialize;
use serde::ser::Serializer;
use serde_json::value::RawValue;
use thiserror::Error;

use self::parquet::ParquetRows;
use crate::UsageError;
use crate::parquet::{Group, Table};
use compression::Compression;
pub use concat::expand;
use delimited::Delimited;
use finsent_model::ClassifyError;
use finsent_model::{Text, TextError};
use json_lines::JsonLines;
pub use rereading::{check_resuming, check_shards};
pub use shard::Shard;
use shard::ShardRows;
pub use source::{Encoding, encoding};
use source::{ReadStats, Source};

/// One item of the input: a text, or why there is none, and what stands beside it.
#[derive(Debug)]
pub struct Row {
    /// Place for people: `line 3`, `text 1`, and `news/a.csv line 3` where there are several files.
    pub place: String,
    pub text: Result<Text, ItemError>,
    /// The column that the user named as the id.
    pub id: Option<Field>,
    /// The columns of the input file that are wanted; none for arguments and standard input.
    pub fields: Vec<(Arc<str>, Field)>,
    /// Where the columns are that were not read.
    pub origin: Option<Origin>,
}

/// A row of a Parquet file.
#[derive(Clone)]
pub struct Origin {
    pub group: Group,
    /// From 0, within the group.
    pub row: usize,
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin(row {})", self.row)
    }
}

impl Row {
    /// The value of a column, as a cell of a CSV file.
    pub fn cell(&self, column: &str) -> Option<String> {
        self.fields.iter().find(|(name, _)| **name == *column).map(|(_, field)| field.to_cell())
    }

    /// Bytes that the row holds in memory, near enough.
    pub fn bytes(&self) -> usize {
        let text = self.text.as_ref().map_or(0, |text| text.as_str().len());
        text + self.fields.iter().map(|(_, field)| field.bytes()).sum::<usize>()
    }
}

/// The value of a column.
#[derive(Debug, Clone)]
pub enum Field {
    Text(String),
    /// Any JSON value, byte for byte as it came.
    Json(Box<RawValue>),
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Json(json) => json.serialize(serializer),
        }
    }
}

impl Field {
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Json(json) if json.get() == "null")
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Json(json) => json.get().len(),
        }
    }

    /// The value as a cell of a CSV file: strings bare, null empty, all else as JSON.
    pub fn to_cell(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Json(_) if self.is_null() => String::new(),
            Self::Json(json) => serde_json::from_str(json.get()).unwrap_or_else(|_| json.get().to_owned()),
        }
    }
}

/// Why one item has no prediction.
#[derive(Debug, Clone, Error)]
pub enum ItemError {
    #[error(transparent)]
    Text(#[from] TextError),
    #[error(transparent)]
    Classify(Arc<ClassifyError>),
    #[error(transparent)]
    NotUtf8(#[from] NotUtf8),
    #[error("the line has more than {limit} bytes")]
    LineTooLong { limit: u64 },
    #[error("not a JSON object: {0}")]
    Json(String),
    #[error("the field `{0}` twice")]
    FieldTwice(Arc<str>),
    #[error("no field `{0}`")]
    NoField(Arc<str>),
    #[error("the field `{0}` is null")]
    Null(Arc<str>),
    #[error("the field `{0}` is not a string that can be read")]
    NotAString(Arc<str>),
    #[error("{found} fields, the header has {expected}")]
    Ragged { expected: usize, found: usize },
    #[error("the field `{0}` has a name of the prediction's; rename it")]
    NameTaken(Arc<str>),
    #[error("the first row has no `{0}`, so the output has no column for it; choose --format jsonl")]
    NoColumn(Arc<str>),
    #[error("the field `{field}` is not {expected}, as in the first rows, which are written; choose --format jsonl")]
    OtherKind { field: Arc<str>, expected: &'static str },
}

impl From<ClassifyError> for ItemError {
    fn from(error: ClassifyError) -> Self {
        Self::Classify(Arc::new(error))
    }
}

/// Bytes that are not UTF-8.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
#[error("not UTF-8: byte 0x{byte:02x} at position {position}")]
pub struct NotUtf8 {
    byte: u8,
    /// From 1, in bytes, within the line or field.
    position: usize,
}

fn utf8(bytes: &[u8]) -> Result<&str, NotUtf8> {
    str::from_utf8(bytes)
        .map_err(|error| NotUtf8 { byte: bytes[error.valid_up_to()], position: error.valid_up_to() + 1 })
}

/// A reader of rows.
pub trait RowReader: Send {
    /// The next row; `None` at the end.
    fn next_row(&mut self) -> Result<Option<Row>>;

    /// Passes over the next row, of which it looks only for the end; false at the end.
    fn skip_row(&mut self) -> Result<bool> {
        Ok(self.next_row()?.is_some())
    }

    /// Passes over all rows that are left; gives how many there were.
    fn count_rows(&mut self) -> Result<u64> {
        let mut rows = 0;
        while self.skip_row()? {
            rows += 1;
        }
        Ok(rows)
    }

    /// Whether waiting for another row could take long: the reader is fed by another program and has none at hand.
    fn would_wait(&self) -> bool {
        false
    }
}

/// The rows that the user asked for.
pub struct Input {
    pub rows: Box<dyn RowReader>,
    /// Columns of the first file; none for arguments and standard input.
    pub columns: Vec<Arc<str>>,
    /// The files that were looked at, and the columns of each.
    files: Vec<(String, Vec<Arc<str>>)>,
    pub typed: Typed,
    /// None for arguments and standard input.
    pub progress: Option<InputProgress>,
    pub kind: InputKind,
}

/// Whether the columns have types.
pub enum Typed {
    No,
    /// The first of the files, which are all Parquet and have the same columns.
    Yes(Arc<Table>),
    /// Some are Parquet, and this one has not the columns of the first.
    Mixed(String),
}

impl Typed {
    /// The first file, if the columns have types.
    ///
    /// # Errors
    /// When not all files have the same ones.
    pub fn table(&self) -> Result<Option<&Table>, UsageError> {
        match self {
            Self::No => Ok(None),
            Self::Yes(table) => Ok(Some(table)),
            Self::Mixed(file) => Err(UsageError(format!(
                "`{file}` has other columns than the first input, or other types, and a parquet file has its columns once; \
                 choose --format jsonl or csv, or write a file for each"
            ))),
        }
    }
}

/// Where the rows come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    Arguments,
    StandardInput,
    File,
}

/// How far the work on files has come.
#[derive(Debug, Clone)]
pub enum InputProgress {
    /// Bytes that were read, compressed as they are, of all files.
    Bytes { stats: Arc<ReadStats>, total: u64 },
    /// Rows of a shard: that many in all.
    Rows(u64),
}

impl InputProgress {
    /// What is done, in the same unit, when `rows` rows are.
    pub fn done(&self, rows: u64) -> u64 {
        match self {
            Self::Bytes { stats, .. } => stats.total(),
            Self::Rows(_) => rows,
        }
    }
}

impl Input {
    /// Texts that are given one by one.
    pub fn arguments(texts: Vec<String>) -> Self {
        let rows = Box::new(Arguments(texts.into_iter().enumerate()));
        Self::without_columns(rows, InputKind::Arguments)
    }

    /// Standard input, a text a line.
    pub fn standard_input(encoding: Option<Encoding>) -> Self {
        let rows = Box::new(lines::StandardInput::new(Source::standard_input(encoding)));
        Self::without_columns(rows, InputKind::StandardInput)
    }

    fn without_columns(rows: Box<dyn RowReader>, kind: InputKind) -> Self {
        Self { rows, columns: Vec::new(), files: Vec::new(), typed: Typed::No, progress: None, kind }
    }

    /// Opens a file, whose name says how to read it.
    fn open(path: &Path, reading: &Reading, stats: &Arc<ReadStats>) -> Result<Opened> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let (compression, name) = Compression::of(&name);
        let open = || Source::file(path, compression, reading.encoding, stats);
        let choice = reading.columns.clone();
        match name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("txt") => boxed(lines::TextFile::open(open()?, choice)),
            Some("csv") => boxed(Delimited::open(open()?, b',', choice)),
            Some("tsv") => boxed(Delimited::open(open()?, b'\t', choice)),
            Some("jsonl" | "ndjson") => boxed(JsonLines::open(open()?, choice)),
            Some("parquet") if compression != Compression::Plain => {
                Err(UsageError(format!("`{}`: a .parquet file is read from its end; unpack it first", path.display())).into())
            }
            Some("parquet") => {
                let (rows, columns) = ParquetRows::open(path, reading, stats)?;
                let table = Some(rows.table());
                Ok(Opened { rows: Box::new(rows), columns, table })
            }
            _ => Err(UsageError(format!(
                "`{}`: the name should end in .txt, .csv, .tsv, .jsonl or .parquet, which says how to read it; .gz or .zst may follow, but for .parquet",
                path.display()
            ))
            .into()),
        }
    }

    /// Refuses a column that the input has not, as far as is known before it is read.
    pub fn has_column(&self, name: &str) -> Result<(), UsageError> {
        match self.files.iter().find(|(_, columns)| !columns.iter().any(|column| **column == *name)) {
            None => Ok(()),
            Some((file, columns)) => {
                Err(UsageError(format!("`{file}` has no column `{name}`; its columns are {}", list(columns))))
            }
        }
    }

    /// Leaves of `all` rows, none of which has been read, those of the shard.
    pub fn only(self, shard: Shard, all: u64) -> Self {
        let rows = shard.of(all);
        let progress = Some(InputProgress::Rows(rows.end - rows.start));
        Self { rows: Box::new(ShardRows::new(self.rows, shard, all)), progress, ..self }
    }
}

/// The rows of a file, and its columns.
struct Opened {
    rows: Box<dyn RowReader>,
    columns: Vec<Arc<str>>,
    /// The file, if it is Parquet.
    table: Option<Arc<Table>>,
}

fn boxed<R: RowReader + 'static>(opened: Result<(R, Vec<Arc<str>>)>) -> Result<Opened> {
    opened.map(|(rows, columns)| Opened { rows: Box::new(rows), columns, table: None })
}

struct Arguments(std::iter::Enumerate<std::vec::IntoIter<String>>);

impl RowReader for Arguments {
    fn next_row(&mut self) -> Result<Option<Row>> {
        Ok(self.0.next().map(|(index, text)| Row {
            place: format!("text {}", index + 1),
            text: Text::parse(text).map_err(ItemError::from),
            id: None,
            fields: Vec::new(),
            origin: None,
        }))
    }
}

/// How files are read.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    pub encoding: Option<Encoding>,
    pub columns: ColumnChoice,
    pub wanted: ColumnSelection,
}

/// The columns whose values are wanted. Only Parquet files can leave the others unread.
#[derive(Debug, Clone, Default)]
pub enum ColumnSelection {
    #[default]
    All,
    /// Those of the text and the id, and these.
    Columns(Vec<String>),
}

/// The columns that the user named.
#[derive(Debug, Clone, Default)]
pub struct ColumnChoice {
    pub text: Option<String>,
    pub id: Option<String>,
    /// The one with the labels, which are no texts.
    pub label: Option<String>,
}

/// The columns to use, settled.
#[derive(Debug, Clone)]
struct Columns {
    text: Arc<str>,
    id: Option<Arc<str>>,
}

impl ColumnChoice {
    /// Settles on columns: what the user named, else `text`, else the only one that holds `strings`.
    fn settle(self, file: &str, columns: &[Arc<str>], strings: &[Arc<str>]) -> Result<Columns, UsageError> {
        let known = |name: String| {
            let found = columns.iter().find(|column| ***column == *name).cloned();
            found.ok_or_else(|| {
                UsageError(format!("`{file}` has no column `{name}`; its columns are {}", list(columns)))
            })
        };
        let is_label = |column: &Arc<str>| self.label.as_deref() == Some(&**column);
        let strings: Vec<&Arc<str>> = strings.iter().filter(|column| !is_label(column)).collect();
        let text = match self.text {
            Some(name) => known(name)?,
            None => match columns.iter().find(|column| &***column == "text") {
                Some(text) => text.clone(),
                None if strings.len() == 1 => Arc::clone(strings[0]),
                None => {
                    let columns = list(columns);
                    return Err(UsageError(format!(
                        "`{file}`: which column holds the texts? name it with --text-column; its columns are {columns}"
                    )));
                }
            },
        };
        Ok(Columns { text, id: self.id.map(known).transpose()? })
    }
}

/// The names of columns in a sentence.
pub fn list(columns: &[Arc<str>]) -> String {
    columns.iter().map(|column| format!("`{column}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settle(text: Option<&str>, columns: &[&str], strings: &[&str]) -> Result<String, String> {
        let arcs = |names: &[&str]| names.iter().map(|name| Arc::from(*name)).collect::<Vec<Arc<str>>>();
        ColumnChoice { text: text.map(String::from), ..ColumnChoice::default() }
            .settle("f.csv", &arcs(columns), &arcs(strings))
            .map(|columns| columns.text.to_string())
            .map_err(|usage| usage.0)
    }

    #[test]
    fn the_text_column_is_the_named_one_else_text_else_the_only_string() {
        assert_eq!(settle(Some("b"), &["a", "b", "text"], &["a", "b", "text"]).unwrap(), "b");
        assert_eq!(settle(None, &["a", "text"], &["a", "text"]).unwrap(), "text");
        assert_eq!(settle(None, &["id", "headline"], &["headline"]).unwrap(), "headline");
    }

    #[test]
    fn the_column_of_labels_is_not_the_only_column_of_strings() {
        let columns: Vec<Arc<str>> = ["headline", "label"].map(Arc::from).to_vec();
        let choice = ColumnChoice { label: Some("label".into()), ..ColumnChoice::default() };
        assert_eq!(&*choice.settle("f.csv", &columns, &columns).unwrap().text, "headline");
    }

    #[test]
    fn an_unclear_or_unknown_column_is_an_error_that_lists_the_columns() {
        for (text, columns) in [(Some("c"), ["a", "b"]), (None, ["a", "b"])] {
            let message = settle(text, &columns, &columns).unwrap_err();
            assert!(message.contains("`a`, `b`"), "{message}");
        }
    }
}
