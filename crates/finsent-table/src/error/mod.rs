//! What can go wrong with tables.

mod directory_problem;
mod parquet_failure;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use finsent_model::IoError;
use thiserror::Error;

pub use self::directory_problem::DirectoryProblem;
pub use self::parquet_failure::ParquetFailure;
use crate::item_error::NotUtf8;

/// Why a table cannot be read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TableError {
    /// A file cannot be opened or read.
    #[error("cannot read {}", quoted(file))]
    Read {
        /// The file.
        file: String,
        /// Why.
        source: IoError,
    },
    /// A row of a Parquet file cannot be read.
    #[error("cannot read row {row} of `{file}`")]
    ReadRow {
        /// The file.
        file: String,
        /// The row, from 1.
        row: u64,
        /// Why.
        source: ParquetFailure,
    },
    /// A Parquet file does not begin and end as one.
    #[error("`{file}` is not a Parquet file, or is incomplete")]
    NotParquet {
        /// The file.
        file: String,
        /// What is wrong with it.
        source: ParquetFailure,
    },
    /// A text file has bytes that are not UTF-8.
    #[error("{place} of {} is {error}", quoted(file))]
    WrongEncoding {
        /// The file.
        file: String,
        /// The line.
        place: String,
        /// Which bytes.
        error: NotUtf8,
    },
    /// The last record of a CSV file has a quote that nothing closes, and may have swallowed other records.
    #[error("{}: a quoted field of the record that starts in line {line} is never closed", quoted(file))]
    OpenQuote {
        /// The file.
        file: String,
        /// The line in which the record starts, from 1.
        line: u64,
    },
    /// A file that must not be empty is empty.
    #[error("`{file}` is empty; {expected}")]
    Empty {
        /// The file.
        file: String,
        /// What it should hold, as a sentence.
        expected: &'static str,
    },
    /// Two columns of a file have the same name.
    #[error("`{file}` has two columns named {}", shortened(column))]
    ColumnTwice {
        /// The file.
        file: String,
        /// The name.
        column: String,
    },
    /// A file has more columns than can be read.
    #[error("`{file}` has {found} columns; the limit is {limit}")]
    TooManyColumns {
        /// The file.
        file: String,
        /// Its columns.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// A file that is named as JSON Lines holds something else.
    #[error("`{file}` does not hold one JSON object per line: {reason}")]
    NoJsonObject {
        /// The file.
        file: String,
        /// The first line, and what is wrong with it.
        reason: String,
    },
    /// A file does not have the column that was named.
    #[error("{} has no column `{column}`; its columns are {}{}", quoted(file), list(columns), did_you_mean(nearest.as_deref()))]
    NoColumn {
        /// The file.
        file: String,
        /// The column that was named.
        column: String,
        /// The columns of the file.
        columns: Vec<Arc<str>>,
        /// The most similar column.
        nearest: Option<String>,
    },
    /// No column was named for the texts, and several could be meant.
    #[error("cannot tell which column of `{file}` holds the texts; its columns are {}", list(columns))]
    WhichColumn {
        /// The file.
        file: String,
        /// The columns of the file.
        columns: Vec<Arc<str>>,
    },
    /// The column that was named for the texts has another type.
    #[error("the column `{column}` of `{file}` does not hold strings; {}", strings(candidates))]
    NotStrings {
        /// The file.
        file: String,
        /// The column that was named.
        column: String,
        /// The columns that hold strings.
        candidates: Vec<Arc<str>>,
    },
    /// A column has the Parquet type INTERVAL, which has no value in other formats.
    #[error("the column `{column}` of `{file}` holds intervals, which only Parquet files can hold")]
    Intervals {
        /// The file.
        file: String,
        /// The column.
        column: String,
    },
    /// The pages of a Parquet file have a compression that is not supported.
    #[error(
        "the column `{column}` of `{file}` is compressed with {compression}; finsent reads zstd, snappy, gzip, Brotli and LZ4_RAW"
    )]
    UnsupportedCompression {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// The name of the compression.
        compression: &'static str,
    },
    /// A workbook cannot be read.
    #[error("cannot read `{file}` as a workbook: {reason}")]
    NotXlsx {
        /// The file.
        file: String,
        /// Why.
        reason: String,
    },
    /// A workbook does not have the sheet that was named, or any.
    #[error("`{file}` has no sheet `{sheet}`; its sheets are {}", list(sheets))]
    NoSheet {
        /// The file.
        file: String,
        /// The sheet that was named.
        sheet: String,
        /// The sheets of the file.
        sheets: Vec<Arc<str>>,
    },
    /// A sheet has no cells with a value.
    #[error("the sheet `{sheet}` of `{file}` is empty")]
    EmptySheet {
        /// The file.
        file: String,
        /// The sheet.
        sheet: String,
    },
    /// A sheet was named, and the file is no workbook.
    #[error("`{}` is not a workbook and has no sheets", path.display())]
    SheetOfNoWorkbook {
        /// The file.
        path: PathBuf,
    },
    /// Two delimiters make the same sense of a file.
    #[error("cannot tell whether the values of {} are {}-separated or {}-separated", quoted(file), delimiters[0], delimiters[1])]
    UnclearDelimiter {
        /// The file.
        file: String,
        /// The names of the delimiters.
        delimiters: [String; 2],
    },
    /// The first line of a file may be a header or data.
    #[error(
        "cannot tell whether the first line of {}, {}, names its columns or is data",
        quoted(file),
        shortened(line)
    )]
    UnclearHeader {
        /// The file.
        file: String,
        /// The cells of the line.
        line: String,
    },
    /// A quoted value of a CSV file holds what looks like records.
    #[error(
        "{}: a quoted value that starts in line {line} goes on over what looks like the rows after it",
        quoted(file)
    )]
    SwallowedRows {
        /// The file.
        file: String,
        /// The line in which the record starts, from 1.
        line: u64,
    },
    /// A text file has half of its bytes zero.
    #[error("{} looks like {encoding} without a byte order mark", quoted(file))]
    Utf16 {
        /// The file.
        file: String,
        /// The name of the encoding.
        encoding: &'static str,
    },
    /// A file of JSON has something else between its values.
    #[error("{} is not valid JSON: line {line}: {reason}", quoted(file))]
    Json {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        reason: &'static str,
    },
    /// An input without a format may be lines of text or separated values.
    #[error("cannot tell whether {file} is a table or one text per line: each line has {columns} values")]
    UnclearLines {
        /// The file, or standard input.
        file: String,
        /// Values of each line.
        columns: usize,
    },
    /// A character has two meanings in a dialect.
    #[error("{character:?} cannot be both {} and {}", meanings[0], meanings[1])]
    SameCharacter {
        /// The character.
        character: char,
        /// What it is to be.
        meanings: [&'static str; 2],
    },
    /// An escape is named for values that are not quoted.
    #[error("an escape has a meaning only inside quotes, and the values have none")]
    EscapeWithoutQuotes,
    /// Standard input cannot be kept to be read twice.
    #[error("cannot keep standard input in a temporary file, in which its columns are looked for")]
    Spool {
        /// Why.
        source: IoError,
    },
    /// Standard input would have a format that is read from its end.
    #[error("{format} cannot be read from standard input; name the file")]
    StandardInputFormat {
        /// The format, with its article.
        format: &'static str,
    },
    /// A column of standard input was named, but it has none.
    #[error("standard input is read as one text per line and has no columns")]
    NoColumns,
    /// An input is a folder.
    #[error("`{}` is a folder, not a file", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
    },
    /// A folder has no files to read.
    #[error("the folder `{}` holds no files with rows", path.display())]
    EmptyFolder {
        /// The folder.
        path: PathBuf,
    },
    /// The files in a folder have several formats.
    #[error("the folder `{}` is not one data set: `{}` and `{}` have different formats", folder.display(), files[0].display(), files[1].display())]
    MixedFormats {
        /// The folder.
        folder: PathBuf,
        /// Two of its files.
        files: [PathBuf; 2],
    },
    /// A file in a folder has a name that says no format.
    #[error("cannot tell the format of `{}` in the folder `{}`", path.display(), folder.display())]
    UnknownPart {
        /// The folder.
        folder: PathBuf,
        /// The file.
        path: PathBuf,
    },
    /// The files of a folder are in folders that stand for different columns.
    #[error("the folder `{}` is not one data set: `{}` and `{}` are in partitions of different columns", folder.display(), files[0].display(), files[1].display())]
    OtherPartitions {
        /// The folder.
        folder: PathBuf,
        /// Two of its files.
        files: [PathBuf; 2],
    },
    /// A file has a column that the name of its folder stands for, too.
    #[error("`{}` has a column `{column}` of its own, and so has the name of its folder", path.display())]
    PartitionTwice {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
    },
    /// A folder is a table whose files alone do not say which rows it has.
    #[error("`{}` is a table of {kind}: its files also hold rows that were changed or removed", path.display())]
    OtherTable {
        /// The folder.
        path: PathBuf,
        /// What made it.
        kind: &'static str,
    },
    /// The name of a file does not say its format.
    #[error(
        "cannot tell the format of `{}`: its name must end in .txt, .csv, .tsv, .json, .jsonl, .parquet or .xlsx, \
         and .gz or .zst may follow the first five",
        path.display()
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// A file that is read from its end is compressed as a whole.
    #[error("`{}` cannot be read while it is compressed; decompress it first", path.display())]
    Compressed {
        /// The file.
        path: PathBuf,
    },
    /// Standard input is one of several inputs.
    #[error("`-` (standard input) cannot be combined with other inputs")]
    StandardInputAmongOthers,
    /// No input was named.
    #[error("no input file was named")]
    NoInput,
    /// A pattern of file names is malformed.
    #[error("`{pattern}` is not a valid pattern: {reason}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A pattern matches no file.
    #[error("no file matches `{pattern}`")]
    NoMatch {
        /// The pattern.
        pattern: String,
    },
    /// A folder cannot be searched for files that match a pattern.
    #[error("cannot look for `{pattern}`")]
    Search {
        /// The pattern.
        pattern: String,
        /// Why.
        source: IoError,
    },
    /// An encoding is unknown.
    #[error("unknown encoding `{name}`; examples: utf-8, latin1, windows-1252, shift_jis")]
    UnknownEncoding {
        /// The name that was given.
        name: String,
    },
    /// Standard input would have to be read twice.
    #[error("standard input can be read only once")]
    StandardInputOnce,
    /// A pipe or a device would have to be read twice.
    #[error("`{}` is not a regular file and can be read only once", path.display())]
    NotRegularFile {
        /// The pipe or device.
        path: PathBuf,
    },
    /// The output would replace an input that has to be read again.
    #[error("the output `{}` is also an input, which must not change", path.display())]
    OutputIsInput {
        /// The output.
        path: PathBuf,
    },
    /// The output would be in a folder that is read.
    #[error("the output `{}` is in the folder `{}`, which is the input", path.display(), folder.display())]
    OutputInInput {
        /// The output.
        path: PathBuf,
        /// The folder.
        folder: PathBuf,
    },
    /// Two outputs would be the same file.
    #[error("`{}` and `{}` would be the same file; name two", first.display(), second.display())]
    SameOutput {
        /// One of them.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// Two inputs are the same file.
    #[error("{}", twice(first, second))]
    InputTwice {
        /// One of them.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// The input has other rows than when they were counted for a shard.
    #[error(
        "the input has {} rows than the {counted} that were counted: it has changed. Leave it as it is until all shards \
         are done, and run them all again",
        if *has_more { "more" } else { "fewer" }
    )]
    InputChanged {
        /// Rows that were counted.
        counted: u64,
        /// Whether it has more of them now.
        has_more: bool,
    },
    /// The inputs cannot become one Parquet file.
    #[error(
        "the columns of `{file}`, or their types, differ from those of the first input; a Parquet file needs the same ones"
    )]
    OtherColumns {
        /// The first file that differs.
        file: String,
    },
    /// finBERT's own CSV was asked for, but not sentences.
    #[error("the finbert-csv format has one line per sentence, so the granularity must be sentence")]
    FinbertGranularity,
    /// finBERT's own CSV was asked for, but the model's labels are not those of sentiment.
    #[error("the finbert-csv format needs a sentiment score, which a model with the labels {} does not have", labels.join(", "))]
    FinbertLabels {
        /// The labels of the model.
        labels: Vec<String>,
    },
    /// An output cannot be created or written.
    #[error("cannot write {}", quoted(path))]
    Write {
        /// The output.
        path: String,
        /// Why.
        source: IoError,
    },
    /// The folder of an output does not exist.
    #[error("cannot write `{}`: the folder `{}` does not exist", path.display(), folder.display())]
    NoFolder {
        /// The output.
        path: PathBuf,
        /// The folder.
        folder: PathBuf,
    },
    /// A folder cannot be created as an output.
    #[error("cannot write to the folder `{}`: {problem}", path.display())]
    Directory {
        /// The folder.
        path: PathBuf,
        /// Why.
        problem: DirectoryProblem,
    },
    /// A column cannot be copied from one Parquet file to another.
    #[error("cannot copy a column of `{file}`")]
    CopyColumn {
        /// The file that is read.
        file: String,
        /// Why.
        source: ParquetFailure,
    },
    /// The Parquet writer failed.
    #[error("cannot write the Parquet file")]
    Parquet(#[source] ParquetFailure),
    /// Reading or writing failed in another way.
    #[error(transparent)]
    System(#[from] IoError),
}

impl TableError {
    /// Whether the request is at fault, and not the system or the contents of a file: running it again cannot help.
    pub fn is_usage(&self) -> bool {
        !matches!(
            self,
            Self::Read { .. }
                | Self::ReadRow { .. }
                | Self::NotParquet { .. }
                | Self::WrongEncoding { .. }
                | Self::OpenQuote { .. }
                | Self::SwallowedRows { .. }
                | Self::Json { .. }
                | Self::Utf16 { .. }
                | Self::NotXlsx { .. }
                | Self::UnsupportedCompression { .. }
                | Self::NoInput
                | Self::Spool { .. }
                | Self::Search { .. }
                | Self::InputChanged { .. }
                | Self::Write { .. }
                | Self::NoFolder { .. }
                | Self::CopyColumn { .. }
                | Self::Parquet(_)
                | Self::System(_)
        )
    }

    pub(crate) fn read(file: &str, error: io::Error) -> Self {
        Self::Read { file: file.to_owned(), source: error.into() }
    }

    /// The error of a file that lacks a column, with the nearest of those that it has.
    pub fn no_column(file: &str, column: &str, columns: &[Arc<str>]) -> Self {
        // Comparing takes time and memory for each pair of characters.
        let short = || columns.iter().map(AsRef::as_ref).filter(|column: &&str| column.len() <= SUGGESTED_BYTES);
        let in_other_case = short().find(|known| known.trim().eq_ignore_ascii_case(column.trim()));
        let nearest = in_other_case.or_else(|| finsent_model::suggest(column, short())).map(String::from);
        Self::NoColumn { file: file.to_owned(), column: column.to_owned(), columns: columns.to_vec(), nearest }
    }
}

/// An error of an [output](crate::Destination) keeps its path on its way through other libraries.
impl From<io::Error> for TableError {
    fn from(error: io::Error) -> Self {
        match error.downcast::<WriteFailure>() {
            Ok(WriteFailure { path, source }) => Self::Write { path, source },
            Err(error) => Self::System(error.into()),
        }
    }
}

impl From<ParquetFailure> for TableError {
    fn from(failure: ParquetFailure) -> Self {
        match failure {
            ParquetFailure::System(error) => io::Error::from(error).into(),
            failure @ ParquetFailure::Library(_) => Self::Parquet(failure),
        }
    }
}

impl From<csv::Error> for TableError {
    fn from(error: csv::Error) -> Self {
        csv_cause(error).into()
    }
}

/// What made reading or writing CSV fail: nothing else can, as records may have any number of fields.
pub(crate) fn csv_cause(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// An [`io::Error`] with the path of the output that it is about.
#[derive(Debug, Error)]
#[error("cannot write {}: {source}", quoted(path))]
pub(crate) struct WriteFailure {
    path: String,
    source: IoError,
}

impl WriteFailure {
    /// `error` with the path, of the same kind.
    pub(crate) fn of(path: &str, error: io::Error) -> io::Error {
        io::Error::new(error.kind(), Self { path: path.to_owned(), source: error.into() })
    }
}

fn twice(first: &Path, second: &Path) -> String {
    let also = if first == second { String::new() } else { format!(", also as `{}`", second.display()) };
    format!("`{}` is named twice{also}, and its rows would count twice", first.display())
}

/// The name of a file in backquotes, or of a standard stream.
fn quoted(name: &str) -> String {
    if name.starts_with("standard ") { name.to_owned() } else { format!("`{name}`") }
}

/// Longest name that is suggested, in bytes.
const SUGGESTED_BYTES: usize = 64;
/// Columns that a message lists, and characters of each: a file may have thousands.
const LISTED_COLUMNS: usize = 50;
const LISTED_CHARACTERS: usize = 100;

/// The names of columns in a sentence.
pub(crate) fn list(columns: &[Arc<str>]) -> String {
    let listed = columns.iter().take(LISTED_COLUMNS).map(|column| shortened(column));
    let listed = listed.collect::<Vec<_>>().join(", ");
    match columns.len().saturating_sub(LISTED_COLUMNS) {
        0 => listed,
        more => format!("{listed} and {more} more"),
    }
}

/// The name of a column in backquotes, or its beginning.
fn shortened(column: &str) -> String {
    match column.char_indices().nth(LISTED_CHARACTERS) {
        Some((end, _)) => format!("`{}...`", &column[..end]),
        None => format!("`{column}`"),
    }
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default()
}

fn strings(candidates: &[Arc<str>]) -> String {
    match candidates {
        [] => "no column does".into(),
        candidates => format!("these do: {}", list(candidates)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_lists_some_of_many_columns() {
        let columns: Vec<Arc<str>> = (0..1000).map(|number| format!("c{number}").into()).collect();
        assert!(list(&columns).ends_with(", `c49` and 950 more"));
        assert_eq!(list(&["a".into(), "b".repeat(200).into()]), format!("`a`, `{}...`", "b".repeat(100)));
    }
}
