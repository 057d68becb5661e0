//! Where rows are, for messages.

use finsent_table::{Field, Row};

/// Characters of an id in a message.
const ID_CHARACTERS: usize = 64;
/// Places that a note lists.
const MAX_PLACES: usize = 3;

/// Where a row is, with its id.
pub(in crate::cli) fn place(row: &Row) -> String {
    format!("{}{}", row.place, id(row))
}

/// The id of a row in a message, if it has one.
pub(in crate::cli) fn id(row: &Row) -> String {
    let id = row.id.as_ref().map(Field::to_cell).or_else(|| row.cell("id")).filter(|id| !id.is_empty());
    let id = id.filter(|id| *id != row.place);
    id.map(|id| format!(" (id {})", id.chars().take(ID_CHARACTERS).collect::<String>())).unwrap_or_default()
}

/// RowPlaces of one kind: how many, and where the first are.
#[derive(Debug, Default)]
pub(in crate::cli) struct RowPlaces {
    count: u64,
    places: Vec<String>,
}

impl RowPlaces {
    pub(in crate::cli) fn add(&mut self, row: &Row) {
        self.count += 1;
        if self.places.len() < MAX_PLACES {
            self.places.push(place(row));
        }
    }

    pub(in crate::cli) fn count(&self) -> u64 {
        self.count
    }

    /// `line 3, line 8, line 9 and others`
    pub(in crate::cli) fn places(&self) -> String {
        let others = if self.count > self.places.len() as u64 { " and others" } else { "" };
        self.places.join(", ") + others
    }
}
