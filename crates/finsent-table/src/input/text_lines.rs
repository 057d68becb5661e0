//! One text per line: standard input and .txt files.

use std::sync::Arc;

use finsent_model::Text;

use super::columns::ItemColumns;
use super::encoding_errors::EncodingErrors;
use super::line_reader::LineReader;
use super::opened::Opened;
use super::reading::Reading;
use super::source::Source;
use crate::error::TableError;
use crate::item_error::ItemError;
use crate::row::{Field, Row, RowReader};

/// Standard input. It cannot be read again with another encoding, so a line that is not UTF-8 fails alone.
pub(super) struct StandardInput {
    lines: LineReader,
    errors: EncodingErrors,
}

impl StandardInput {
    pub(super) fn new(source: Source, errors: EncodingErrors) -> Self {
        Self { lines: LineReader::new(source), errors }
    }
}

impl RowReader for StandardInput {
    fn next_row(&mut self) -> Result<Option<Row>, TableError> {
        let Some(line) = next_line(&mut self.lines, self.errors)? else {
            return Ok(None);
        };
        let text = line.and_then(|line| Ok(Text::parse(line)?));
        Ok(Some(Row { place: self.lines.place(), text, id: None, fields: Vec::new(), origin: None }))
    }

    fn would_wait(&self) -> bool {
        self.lines.would_wait()
    }
}

/// A .txt file: a table with the one column `text`.
pub(super) struct TextFile {
    lines: LineReader,
    columns: ItemColumns,
    errors: EncodingErrors,
}

impl TextFile {
    /// The reader and its column.
    pub(super) fn open(source: Source, reading: &Reading) -> Result<Opened<Self>, TableError> {
        let only: Vec<Arc<str>> = vec!["text".into()];
        let columns = reading.columns.settle(&source.name, &only, &only)?;
        let rows = Self { lines: LineReader::new(source), columns, errors: reading.encoding_errors };
        Ok(Opened { rows, columns: only, notes: Vec::new(), how: String::new() })
    }
}

impl RowReader for TextFile {
    fn next_row(&mut self) -> Result<Option<Row>, TableError> {
        let Some(line) = next_line(&mut self.lines, self.errors)? else {
            return Ok(None);
        };
        let fields = line.iter().map(|line| (self.columns.text.clone(), Field::Text(line.clone()))).collect();
        let id = self.columns.id.as_ref().and(line.as_ref().ok()).cloned().map(Field::Text);
        let text = line.and_then(|line| Ok(Text::parse(line)?));
        Ok(Some(Row { place: self.lines.place(), text, id, fields, origin: None }))
    }

    fn skip_row(&mut self) -> Result<bool, TableError> {
        Ok(self.lines.next_line()?.is_some())
    }
}

/// The next line, or why it is no text; `None` at the end.
fn next_line(lines: &mut LineReader, errors: EncodingErrors) -> Result<Option<Result<String, ItemError>>, TableError> {
    let line = lines.next_line()?.map(|line| {
        line.and_then(|line| match errors.decode(line) {
            (line, None) => Ok(line.into_owned()),
            (_, Some(error)) => Err(error.into()),
        })
    });
    match line {
        Some(Err(ItemError::NotUtf8(error))) if errors == EncodingErrors::Strict => Err(lines.wrong_encoding(error)),
        line => Ok(line),
    }
}
