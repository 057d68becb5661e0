//! A file that is one text.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use finsent_model::{Text, TextError};

use super::compression::Compression;
use super::encoding_errors::EncodingErrors;
use super::opened::Opened;
use super::read_stats::ReadStats;
use super::reading::Reading;
use super::source::Source;
use crate::error::TableError;
use crate::item_error::ItemError;
use crate::row::{Field, Row, RowReader};

/// The one row of a file: its text, with the name of the file as its id.
pub(super) struct WholeFile {
    source: Source,
    id: String,
    errors: EncodingErrors,
    is_read: bool,
}

impl WholeFile {
    /// The reader, and its column.
    pub(super) fn open(source: Source, id: &str, reading: &Reading) -> Result<Opened<Self>, TableError> {
        let rows = Self { source, id: id.to_owned(), errors: reading.encoding_errors, is_read: false };
        Ok(Opened { rows, columns: vec!["id".into()], notes: Vec::new(), how: String::new() })
    }

    /// The file at `path`, compressed as its name says.
    pub(super) fn of_path(path: &Path, reading: &Reading, stats: &Arc<ReadStats>) -> Result<Opened<Self>, TableError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let (compression, _) = Compression::of(&name);
        let source = Source::file(path, compression, reading.encoding, stats)?;
        Self::open(source, &path.display().to_string(), reading)
    }

    /// The text, or why it is none.
    fn text(&mut self) -> Result<Result<Text, ItemError>, TableError> {
        let mut bytes = Vec::new();
        let bounded = (&mut self.source.reader).take(Text::MAX_BYTES as u64 + 1);
        let read = { bounded }.read_to_end(&mut bytes);
        read.map_err(|error| TableError::read(&self.source.name, error))?;
        self.source.stats.end_record();
        self.source.stats.consume(bytes.len() as u64);
        if bytes.len() > Text::MAX_BYTES {
            let size = self.rest()? + bytes.len() as u64;
            let bytes = usize::try_from(size).unwrap_or(usize::MAX);
            return Ok(Err(TextError::TooLarge { bytes, limit: Text::MAX_BYTES }.into()));
        }
        match self.errors.decode(&bytes) {
            (text, None) => Ok(Text::parse(text.into_owned()).map_err(ItemError::from)),
            (_, Some(error)) if self.errors == EncodingErrors::Strict => {
                let (file, place) = (self.source.name.clone(), "its text".to_owned());
                Err(TableError::WrongEncoding { file, place, error })
            }
            (_, Some(error)) => Ok(Err(error.into())),
        }
    }

    /// Reads what is left, and returns its length.
    fn rest(&mut self) -> Result<u64, TableError> {
        let mut length = 0;
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = self.source.reader.read(&mut buffer);
            let read = read.map_err(|error| TableError::read(&self.source.name, error))? as u64;
            self.source.stats.end_record();
            self.source.stats.consume(read);
            length += read;
            if read == 0 {
                return Ok(length);
            }
        }
    }
}

impl RowReader for WholeFile {
    fn next_row(&mut self) -> Result<Option<Row>, TableError> {
        if std::mem::replace(&mut self.is_read, true) {
            return Ok(None);
        }
        let text = self.text()?;
        let id = Field::Text(self.id.clone());
        let fields = vec![("id".into(), id.clone())];
        Ok(Some(Row { place: self.source.name.clone(), text, id: Some(id), fields, origin: None }))
    }

    fn skip_row(&mut self) -> Result<bool, TableError> {
        Ok(!std::mem::replace(&mut self.is_read, true))
    }
}
