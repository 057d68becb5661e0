//! A file, opened in the format that its name or the user says.

use std::path::Path;
use std::sync::Arc;

use super::delimited::Delimited;
use super::dialect::{COMMA, TAB};
use super::format::FileFormat;
use super::json_rows::JsonRows;
use super::opened::Opened;
use super::parquet::ParquetRows;
use super::read_stats::ReadStats;
use super::reading::Reading;
use super::shape::Shape;
use super::source::Source;
use super::text_lines::TextFile;
use super::whole_files::WholeFile;
use super::xlsx::XlsxRows;
use crate::error::TableError;
use crate::parquet::ParquetFile;
use crate::row::RowReader;

/// A file that is open.
pub(super) struct OpenFile {
    pub(super) rows: Box<dyn RowReader>,
    pub(super) columns: Vec<Arc<str>>,
    pub(super) parquet: Option<Arc<ParquetFile>>,
    /// What is to be told about how it is read.
    pub(super) notes: Vec<String>,
    /// How it is read, if that is not plain.
    pub(super) how: String,
}

impl OpenFile {
    pub(super) fn open(path: &Path, reading: &Reading, stats: &Arc<ReadStats>) -> Result<Self, TableError> {
        if reading.whole_files {
            return WholeFile::of_path(path, reading, stats).map(Self::untyped);
        }
        let (format, compression) = FileFormat::of(path, reading.format)?;
        if reading.sheet.is_some() && format != FileFormat::Xlsx {
            return Err(TableError::SheetOfNoWorkbook { path: path.to_owned() });
        }
        match format {
            FileFormat::Parquet => return Self::open_parquet(path, reading, stats),
            FileFormat::Xlsx => return XlsxRows::open(path, reading, stats).map(Self::untyped),
            FileFormat::Text | FileFormat::Csv | FileFormat::Tsv | FileFormat::Json => (),
        }
        let mut source = Source::file(path, compression, reading.encoding, stats)?;
        let sample = source.sample()?;
        source.check_encoding(&sample, reading.encoding_errors)?;
        let shape = match format {
            FileFormat::Csv => Shape::Delimited(COMMA),
            FileFormat::Tsv => Shape::Delimited(TAB),
            FileFormat::Json => Shape::Json,
            // Spreadsheets write tables as .txt, too.
            FileFormat::Text if reading.format.is_none() => Shape::of(&sample, reading),
            FileFormat::Text | FileFormat::Parquet | FileFormat::Xlsx => Shape::Lines,
        };
        let mut opened = match shape {
            Shape::Lines => TextFile::open(source, reading).map(Self::untyped)?,
            Shape::Json => JsonRows::open(source, &sample, reading).map(Self::untyped)?,
            Shape::Delimited(delimiter) => Delimited::open(source, &sample, delimiter, reading).map(Self::untyped)?,
            Shape::Unclear(columns) => {
                return Err(TableError::UnclearLines { file: format!("`{}`", source.name), columns });
            }
        };
        if format == FileFormat::Text {
            opened.notes.extend(shape.note());
        }
        if shape == Shape::Json && reading.all_columns && path.is_file() {
            let mut source = Source::file(path, compression, reading.encoding, &Arc::default())?;
            let sample = source.sample()?;
            let again = JsonRows::open(source, &sample, reading)?;
            opened.columns = again.rows.all_names(opened.columns)?;
        }
        if sample.has_carriage_returns {
            opened.notes.insert(0, "lines end in a carriage return".into());
        }
        Ok(opened)
    }

    fn open_parquet(path: &Path, reading: &Reading, stats: &Arc<ReadStats>) -> Result<Self, TableError> {
        let (rows, columns) = ParquetRows::open(path, reading, stats)?;
        let parquet = Some(rows.file());
        Ok(Self { rows: Box::new(rows), columns, parquet, notes: Vec::new(), how: String::new() })
    }

    pub(super) fn untyped<R: RowReader + 'static>(opened: Opened<R>) -> Self {
        let Opened { rows, columns, notes, how } = opened;
        Self { rows: Box::new(rows), columns, parquet: None, notes, how }
    }

    pub(super) fn without_columns(rows: impl RowReader + 'static) -> Self {
        Self { rows: Box::new(rows), columns: Vec::new(), parquet: None, notes: Vec::new(), how: String::new() }
    }
}
