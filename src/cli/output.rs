//! The format of the output, and its writer.

use std::io::{self, IsTerminal};
use std::path::Path;

use finsent_table::{Destination, OutputFormat, RowWriter, Shape, writer as file_writer};

use super::args::Format;
use super::console::Console;
use super::exit::UsageError;
use super::explained_text::ExplainedText;
use super::text_table::{TableColumns, TextTable};

impl Format {
    /// The format of a file; `None` for the table, which is for people.
    pub(super) fn of_file(self) -> Option<OutputFormat> {
        Some(match self {
            Self::Text => return None,
            Self::Json => OutputFormat::Json,
            Self::Jsonl => OutputFormat::Jsonl,
            Self::Csv => OutputFormat::Csv,
            Self::Tsv => OutputFormat::Tsv,
            Self::FinbertCsv => OutputFormat::FinbertCsv,
            Self::Parquet => OutputFormat::Parquet,
        })
    }
}

/// The format: the one that the user named, else that of the output's extension, else a table for a terminal and JSON Lines
/// for everything else.
pub(super) fn format(named: Option<Format>, output: Option<&Path>) -> Result<Format, UsageError> {
    let extension = output.and_then(Path::extension).map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    let by_extension = match extension.as_deref() {
        _ if named.is_some() => None,
        None => None,
        Some("json") => Some(Format::Json),
        Some("jsonl" | "ndjson") => Some(Format::Jsonl),
        Some("csv") => Some(Format::Csv),
        Some("tsv") => Some(Format::Tsv),
        Some("txt") => Some(Format::Text),
        Some("parquet") => Some(Format::Parquet),
        Some(other) => {
            return Err(UsageError(format!(
                "cannot tell the format of a .{other} file: name it with --format, or end the output in .csv, .tsv, .jsonl, .json, \
             .parquet or .txt"
            )));
        }
    };
    match named.or(by_extension) {
        Some(Format::Parquet) if goes_to_terminal(output) => {
            Err(UsageError("refusing to write Parquet to a terminal; name a file with --output".into()))
        }
        Some(format) => Ok(format),
        None if goes_to_terminal(output) => Ok(Format::Text),
        None => Ok(Format::Jsonl),
    }
}

fn goes_to_terminal(output: Option<&Path>) -> bool {
    output.is_none() && io::stdout().is_terminal()
}

/// Refuses a format in which the outputs of all shards cannot be joined to the output of the whole: by concatenation, or, for
/// Parquet, as the files of a dataset.
pub(super) fn check_shards(format: Format) -> Result<(), UsageError> {
    let name = match format {
        Format::Jsonl | Format::Csv | Format::Tsv | Format::FinbertCsv | Format::Parquet => return Ok(()),
        Format::Text => "text",
        Format::Json => "json",
    };
    Err(UsageError(format!(
        "the outputs of shards cannot be joined in the format {name}; choose --format jsonl, csv, tsv or parquet"
    )))
}

/// The writer of explanations for people.
pub(super) fn explained(out: Destination, console: Console) -> Box<dyn RowWriter> {
    let colors = out.is_stdout() && console.colors(&io::stdout());
    Box::new(ExplainedText::new(out, colors))
}

/// The writer of a format; `columns` are those of the table for people.
pub(super) fn writer(
    format: Format,
    shape: &Shape<'_>,
    out: Destination,
    columns: TableColumns,
    console: Console,
) -> Box<dyn RowWriter> {
    match format.of_file() {
        Some(format) => file_writer(format, shape, out),
        None => {
            let colors = out.is_stdout() && console.colors(&io::stdout());
            Box::new(TextTable::new(shape, out, columns, colors))
        }
    }
}
