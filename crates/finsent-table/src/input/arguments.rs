//! Texts that are given one by one.

use std::iter::Enumerate;
use std::vec::IntoIter;

use finsent_model::Text;

use crate::error::TableError;
use crate::item_error::ItemError;
use crate::row::{Row, RowReader};

/// The rows of arguments.
pub(super) struct Arguments(Enumerate<IntoIter<String>>);

impl Arguments {
    pub(super) fn new(texts: Vec<String>) -> Self {
        Self(texts.into_iter().enumerate())
    }
}

impl RowReader for Arguments {
    fn next_row(&mut self) -> Result<Option<Row>, TableError> {
        Ok(self.0.next().map(|(index, text)| Row {
            place: format!("text {}", index + 1),
            text: Text::parse(text).map_err(ItemError::from),
            id: None,
            fields: Vec::new(),
            origin: None,
        }))
    }
}
