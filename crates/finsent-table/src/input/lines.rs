//! One text a line: standard input and .txt files.

use std::sync::Arc;

use anyhow::Result;
use finsent_model::Text;

use super::source::{Lines, Source, wrong_encoding};
use super::{ColumnChoice, Columns, Field, ItemError, Row, RowReader, utf8};

/// Standard input. It cannot be read twice, so a line that is not UTF-8 fails alone.
pub(super) struct StandardInput(Lines);

impl StandardInput {
    pub(super) fn new(source: Source) -> Self {
        Self(Lines::new(source))
    }
}

impl RowReader for StandardInput {
    fn next_row(&mut self) -> Result<Option<Row>> {
        let Some(line) = self.0.next_line()? else {
            return Ok(None);
        };
        let text = line.and_then(|line| Ok(Text::parse(utf8(line)?)?));
        Ok(Some(Row { place: format!("line {}", self.0.number), text, id: None, fields: Vec::new(), origin: None }))
    }

    fn would_wait(&self) -> bool {
        self.0.would_wait()
    }
}

/// A .txt file: a table with the one column `text`.
pub(super) struct TextFile {
    lines: Lines,
    columns: Columns,
}

impl TextFile {
    /// The reader and its columns.
    pub(super) fn open(source: Source, choice: ColumnChoice) -> Result<(Self, Vec<Arc<str>>)> {
        let only: Vec<Arc<str>> = vec!["text".into()];
        let columns = choice.settle(&source.name, &only, &only)?;
        Ok((Self { lines: Lines::new(source), columns }, only))
    }
}

impl RowReader for TextFile {
    fn next_row(&mut self) -> Result<Option<Row>> {
        let line = match self.lines.next_line()? {
            None => return Ok(None),
            Some(line) => line.and_then(|line| Ok(utf8(line)?.to_owned())),
        };
        let place = format!("line {}", self.lines.number);
        let line = match line {
            Err(ItemError::NotUtf8(error)) => return Err(wrong_encoding(self.lines.name(), &place, error)),
            line => line,
        };
        let fields = line.iter().map(|line| (self.columns.text.clone(), Field::Text(line.clone()))).collect();
        let id = self.columns.id.as_ref().and(line.as_ref().ok()).cloned().map(Field::Text);
        Ok(Some(Row { place, text: line.and_then(|line| Ok(Text::parse(line)?)), id, fields, origin: None }))
    }

    fn skip_row(&mut self) -> Result<bool> {
        Ok(self.lines.next_line()?.is_some())
    }
}
