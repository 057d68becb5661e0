//! One text per line: standard input and .txt files.

use std::sync::Arc;

use finsent_model::Text;

use super::columns::{ColumnChoice, ItemColumns};
use super::line_reader::LineReader;
use super::source::Source;
use crate::error::TableError;
use crate::item_error::{ItemError, utf8};
use crate::row::{Field, Row, RowReader};

/// Standard input. It cannot be read again with another encoding, so a line that is not UTF-8 fails alone.
pub(super) struct StandardInput(LineReader);

impl StandardInput {
    pub(super) fn new(source: Source) -> Self {
        Self(LineReader::new(source))
    }
}

impl RowReader for StandardInput {
    fn next_row(&mut self) -> Result<Option<Row>, TableError> {
        let Some(line) = self.0.next_line()? else {
            return Ok(None);
        };
        let text = line.and_then(|line| Ok(Text::parse(utf8(line)?)?));
        Ok(Some(Row { place: self.0.place(), text, id: None, fields: Vec::new(), origin: None }))
    }

    fn would_wait(&self) -> bool {
        self.0.would_wait()
    }
}

/// A .txt file: a table with the one column `text`.
pub(super) struct TextFile {
    lines: LineReader,
    columns: ItemColumns,
}

impl TextFile {
    /// The reader and its columns.
    pub(super) fn open(source: Source, choice: &ColumnChoice) -> Result<(Self, Vec<Arc<str>>), TableError> {
        let only: Vec<Arc<str>> = vec!["text".into()];
        let columns = choice.settle(&source.name, &only, &only)?;
        Ok((Self { lines: LineReader::new(source), columns }, only))
    }
}

impl RowReader for TextFile {
    fn next_row(&mut self) -> Result<Option<Row>, TableError> {
        let line = match self.lines.next_line()? {
            None => return Ok(None),
            Some(line) => line.and_then(|line| Ok(utf8(line)?.to_owned())),
        };
        let line = match line {
            Err(ItemError::NotUtf8(error)) => return Err(self.lines.wrong_encoding(error)),
            line => line,
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
