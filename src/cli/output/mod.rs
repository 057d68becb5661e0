//! Answers out: a table for people, JSON, JSON lines, CSV, finBERT's own CSV, Parquet.

mod columns;
mod csv_file;
mod destination;
mod finbert_csv;
mod finding;
mod json;
mod numpy;
mod parquet;
mod summary;
mod table;

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;

use super::args::Format;
use super::console::Console;
use super::exit::Usage;
use super::parquet::Table;
use super::rows::{ItemError, Row};
use crate::answer::Granularity;
use crate::verdict::LabelMap;
pub(super) use destination::{Destination, Interim, with_suffix};
pub(super) use finding::Finding;
pub(super) use summary::{SummaryShape, write_summary};

/// What became of a row, or of a part of it.
pub(super) type Outcome<'a> = Result<Finding<'a>, &'a ItemError>;

/// Writes rows with what became of them, in order, to a destination.
pub(super) trait RowWriter {
    /// Why the columns of a row cannot stand beside the verdict's, if they cannot: then the row has failed.
    fn check(&self, _row: &Row) -> Result<(), ItemError> {
        Ok(())
    }

    fn write(&mut self, row: &Row, outcome: Outcome<'_>) -> Result<()>;

    /// Lets the reader of the output have the rows so far, if the form is one that can be read so far.
    fn flush(&mut self) -> Result<()>;

    /// Writes what stands behind the last row; gives back where the rows went.
    fn finish(self: Box<Self>) -> Result<Destination>;
}

/// The form to write: what the user named, else what the output's extension says, else what suits the reader.
pub(super) fn format(named: Option<Format>, output: Option<&Path>) -> Result<Format, Usage> {
    let extension = output.and_then(Path::extension).map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    let by_extension = match extension.as_deref() {
        _ if named.is_some() => None,
        None => None,
        Some("json") => Some(Format::Json),
        Some("jsonl" | "ndjson") => Some(Format::Jsonl),
        Some("csv") => Some(Format::Csv),
        Some("txt") => Some(Format::Text),
        Some("parquet") => Some(Format::Parquet),
        Some(other) => return Err(Usage(format!("which format is .{other}? name one with --format"))),
    };
    match named.or(by_extension) {
        Some(Format::Parquet) if is_for_a_terminal(output) => {
            Err(Usage("a parquet file is nothing for a terminal; name a file with --output".into()))
        }
        Some(format) => Ok(format),
        None if is_for_a_terminal(output) => Ok(Format::Text),
        None => Ok(Format::Jsonl),
    }
}

fn is_for_a_terminal(output: Option<&Path>) -> bool {
    output.is_none() && io::stdout().is_terminal()
}

/// Refuses a form in which the outputs of shards are not the output of the whole: one behind the other, or, of Parquet, as
/// the files of a dataset.
pub(super) fn check_shards(format: Format) -> Result<(), Usage> {
    let what = match format {
        Format::Jsonl | Format::Csv | Format::FinbertCsv | Format::Parquet => return Ok(()),
        Format::Text => "tables (text)",
        Format::Json => "arrays (json)",
    };
    Err(Usage(format!(
        "the outputs of shards are to be put together, which {what} cannot be; choose --format jsonl, csv or parquet"
    )))
}

/// Refuses a form that has no place for what is asked, or for what the model says.
pub(super) fn check_shape(format: Format, shape: &Shape<'_>) -> Result<(), Usage> {
    if format != Format::FinbertCsv {
        return Ok(());
    }
    if shape.granularity != Granularity::Sentence {
        return Err(Usage(
            "--format finbert-csv has a line a sentence: leave out --granularity, or say sentence".into(),
        ));
    }
    if !shape.labels.has_sentiment_score() {
        let labels = shape.labels.labels().join(", ");
        return Err(Usage(format!("--format finbert-csv has a sentiment score, and the model's labels are {labels}")));
    }
    Ok(())
}

/// What is known of the rows before the first one is written.
pub(super) struct Shape<'a> {
    /// Columns of the input.
    pub(super) columns: &'a [Arc<str>],
    /// Whether rows bring an id that is not their column `id` already.
    pub(super) writes_id: bool,
    pub(super) granularity: Granularity,
    pub(super) labels: &'a LabelMap,
    /// The first of the files, if all of them are Parquet and have the same columns.
    pub(super) table: Option<&'a Table>,
    /// Whether the output begins here, and is not a later shard's.
    pub(super) is_beginning: bool,
}

/// The writer of a form to `out`.
pub(super) fn writer(format: Format, shape: &Shape<'_>, out: Destination, console: Console) -> Box<dyn RowWriter> {
    match format {
        Format::Text => {
            let colors = out.is_stdout() && console.colors(&io::stdout());
            Box::new(table::Table::new(shape, out, colors))
        }
        Format::Json => Box::new(json::Json::new(shape, out, true)),
        Format::Jsonl => Box::new(json::Json::new(shape, out, false)),
        Format::Csv => Box::new(csv_file::Csv::new(shape, out)),
        Format::FinbertCsv => Box::new(finbert_csv::FinbertCsv::new(shape, out)),
        Format::Parquet => parquet::writer(shape, out),
    }
}
