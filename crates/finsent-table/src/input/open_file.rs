//! A file, opened in the format that its name says.

use std::path::Path;
use std::sync::Arc;

use super::delimited::Delimited;
use super::format::InputFormat;
use super::json_lines::JsonLines;
use super::parquet::ParquetRows;
use super::read_stats::ReadStats;
use super::reading::Reading;
use super::source::Source;
use super::text_lines::TextFile;
use crate::error::TableError;
use crate::parquet::ParquetFile;
use crate::row::RowReader;

/// A file that is open.
pub(super) struct OpenFile {
    pub(super) rows: Box<dyn RowReader>,
    pub(super) columns: Vec<Arc<str>>,
    pub(super) parquet: Option<Arc<ParquetFile>>,
}

impl OpenFile {
    pub(super) fn open(path: &Path, reading: &Reading, stats: &Arc<ReadStats>) -> Result<Self, TableError> {
        let source = |compression| Source::file(path, compression, reading.encoding, stats);
        let choice = &reading.columns;
        match InputFormat::of(path)? {
            InputFormat::Text(compression) => TextFile::open(source(compression)?, choice).map(Self::untyped),
            InputFormat::Delimited(separator, compression) => {
                Delimited::open(source(compression)?, separator, choice).map(Self::untyped)
            }
            InputFormat::JsonLines(compression) => JsonLines::open(source(compression)?, choice).map(Self::untyped),
            InputFormat::Parquet => {
                let (rows, columns) = ParquetRows::open(path, reading, stats)?;
                let parquet = Some(rows.file());
                Ok(Self { rows: Box::new(rows), columns, parquet })
            }
        }
    }

    fn untyped<R: RowReader + 'static>((rows, columns): (R, Vec<Arc<str>>)) -> Self {
        Self { rows: Box::new(rows), columns, parquet: None }
    }
}
