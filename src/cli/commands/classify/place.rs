//! Where a row is, for messages.

use finsent_table::{Field, Row};

/// Characters of an id in a message.
const ID_CHARACTERS: usize = 64;

/// Where a row is, with its id.
pub(super) fn place(row: &Row) -> String {
    format!("{}{}", row.place, id(row))
}

/// The id of a row in a message, if it has one.
pub(super) fn id(row: &Row) -> String {
    let id = row.id.as_ref().map(Field::to_cell).or_else(|| row.cell("id")).filter(|id| !id.is_empty());
    let id = id.filter(|id| *id != row.place);
    id.map(|id| format!(" (id {})", id.chars().take(ID_CHARACTERS).collect::<String>())).unwrap_or_default()
}
