//! Which format the output has, and what writes it.

use std::io::{self, IsTerminal};
use std::path::Path;

use finsent_table::{Destination, OutputFormat, RowWriter, Shape, UsageError, writer as file_writer};

use super::args::Format;
use super::console::Console;
use super::text_table::TextTable;

impl Format {
    /// The format of a file; `None` for the table that is for people.
    pub(super) fn of_file(self) -> Option<OutputFormat> {
        Some(match self {
            Self::Text => return None,
            Self::Json => OutputFormat::Json,
            Self::Jsonl => OutputFormat::Jsonl,
            Self::Csv => OutputFormat::Csv,
            Self::FinbertCsv => OutputFormat::FinbertCsv,
            Self::Parquet => OutputFormat::Parquet,
        })
    }
}

/// The form to write: what the user named, else what the output's extension says, else what suits the reader.
pub(super) fn format(named: Option<Format>, output: Option<&Path>) -> Result<Format, UsageError> {
    let extension = output.and_then(Path::extension).map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    let by_extension = match extension.as_deref() {
        _ if named.is_some() => None,
        None => None,
        Some("json") => Some(Format::Json),
        Some("jsonl" | "ndjson") => Some(Format::Jsonl),
        Some("csv") => Some(Format::Csv),
        Some("txt") => Some(Format::Text),
        Some("parquet") => Some(Format::Parquet),
        Some(other) => return Err(UsageError(format!("which format is .{other}? name one with --format"))),
    };
    match named.or(by_extension) {
        Some(Format::Parquet) if is_for_a_terminal(output) => {
            Err(UsageError("a parquet file is nothing for a terminal; name a file with --output".into()))
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
pub(super) fn check_shards(format: Format) -> Result<(), UsageError> {
    let what = match format {
        Format::Jsonl | Format::Csv | Format::FinbertCsv | Format::Parquet => return Ok(()),
        Format::Text => "tables (text)",
        Format::Json => "arrays (json)",
    };
    Err(UsageError(format!(
        "the outputs of shards are to be put together, which {what} cannot be; choose --format jsonl, csv or parquet"
    )))
}

/// The writer of a format to `out`.
pub(super) fn writer(format: Format, shape: &Shape<'_>, out: Destination, console: Console) -> Box<dyn RowWriter> {
    match format.of_file() {
        Some(format) => file_writer(format, shape, out),
        None => {
            let colors = out.is_stdout() && console.colors(&io::stdout());
            Box::new(TextTable::new(shape, out, colors))
        }
    }
}
