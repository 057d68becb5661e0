//! Standard input: lines of text, or a table if its first lines show one.

use std::io::{self, BufRead, Seek, Write};
use std::sync::Arc;

use super::delimited::Delimited;
use super::dialect::{COMMA, TAB};
use super::format::FileFormat;
use super::json_rows::JsonRows;
use super::open_file::OpenFile;
use super::opened::Opened;
use super::read_stats::ReadStats;
use super::reading::Reading;
use super::shape::Shape;
use super::source::Source;
use super::text_lines::StandardInput;
use super::whole_files::WholeFile;
use crate::error::TableError;

/// Opens standard input in the format that the user named or its first lines show. Lines of text are given on as they come.
pub(super) fn open(reading: &Reading, stats: &Arc<ReadStats>) -> Result<OpenFile, TableError> {
    let mut source = Source::standard_input(reading.encoding, stats);
    if reading.whole_files {
        return WholeFile::open(source, "-", reading).map(OpenFile::untyped);
    }
    let shape = match reading.format {
        Some(FileFormat::Text) => Shape::Lines,
        Some(FileFormat::Csv) => Shape::Delimited(COMMA),
        Some(FileFormat::Tsv) => Shape::Delimited(TAB),
        Some(FileFormat::Json) => Shape::Json,
        Some(FileFormat::Parquet) => return Err(TableError::StandardInputFormat { format: "a Parquet file" }),
        Some(FileFormat::Xlsx) => return Err(TableError::StandardInputFormat { format: "a workbook" }),
        None => Shape::of(&source.sample_lines(1)?, reading),
    };
    let mut opened = match shape {
        Shape::Lines if reading.columns.text.is_some() || reading.columns.id.is_some() => {
            return Err(TableError::NoColumns);
        }
        Shape::Lines => return Ok(OpenFile::without_columns(StandardInput::new(source, reading.encoding_errors))),
        Shape::Unclear(columns) => return Err(TableError::UnclearLines { file: source.name, columns }),
        Shape::Json if reading.all_columns => OpenFile::untyped(spooled(source, reading)?),
        Shape::Json => {
            let sample = source.sample_lines(1)?;
            OpenFile::untyped(JsonRows::open(source, &sample, reading)?)
        }
        Shape::Delimited(delimiter) => {
            let sample = source.sample_lines(2)?;
            OpenFile::untyped(Delimited::open(source, &sample, delimiter, reading)?)
        }
    };
    if reading.format.is_none() {
        opened.notes.extend(shape.note().map(|note| format!("standard input is {note}")));
    }
    Ok(opened)
}

/// Rows of JSON with the columns of all of them: they are kept in a file without a name, and read twice.
fn spooled(mut source: Source, reading: &Reading) -> Result<Opened<JsonRows>, TableError> {
    let name = source.name.clone();
    let cannot_keep = |error: io::Error| TableError::Spool { source: error.into() };
    let mut file = tempfile::tempfile().map_err(cannot_keep)?;
    loop {
        let chunk = source.reader.fill_buf().map_err(|error| TableError::read(&name, error))?;
        let length = chunk.len();
        if length == 0 {
            break;
        }
        file.write_all(chunk).map_err(cannot_keep)?;
        source.reader.consume(length);
        source.stats.end_record();
    }
    let mut open = || {
        file.rewind().map_err(cannot_keep)?;
        let mut source = Source::decoded(name.clone(), file.try_clone().map_err(cannot_keep)?);
        let sample = source.sample()?;
        JsonRows::open(source, &sample, reading)
    };
    let first = open()?;
    let columns = first.rows.all_names(first.columns)?;
    Ok(Opened { columns, ..open()? })
}
