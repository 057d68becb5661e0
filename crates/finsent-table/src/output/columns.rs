//! The names of the prediction's columns beside those of the input.

use std::collections::HashSet;
use std::sync::Arc;

use crate::item_error::ItemError;
use crate::row::Row;

/// The prefix of the prediction's columns if one of their names is taken by the input.
pub const PREFIX: &str = "finsent_";

/// The prediction's columns, with names that the input does not have.
#[derive(Debug)]
pub struct PredictionColumns {
    names: Vec<String>,
    prefix: String,
}

impl PredictionColumns {
    /// Columns with these plain names beside the columns of the input. If one name is taken, all get a prefix.
    pub fn beside(input: &[Arc<str>], names: Vec<String>) -> Self {
        let input = input.iter().map(|column| &**column).collect();
        Self { prefix: free_prefix(&input, &names), names }
    }

    /// The plain names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The prefix of the names; empty if none is taken.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The names with the prefix.
    pub fn prefixed(&self) -> impl Iterator<Item = String> {
        self.names.iter().map(|name| format!("{}{name}", self.prefix))
    }

    /// The prefix in a row that fails [`PredictionColumns::check`].
    pub(super) fn prefix_beside(&self, row: &Row) -> String {
        let fields = row.fields.iter().map(|(name, _)| &**name).collect();
        free_prefix(&fields, &self.names)
    }

    /// Refuses a row with a field of the prediction's name. Only a line of JSON can have one, after the names are settled.
    pub(super) fn check(&self, row: &Row) -> Result<(), ItemError> {
        let is_taken = |name: &str| {
            let plain = name.strip_prefix(self.prefix.as_str());
            plain.is_some_and(|plain| self.names.iter().any(|own| own == plain))
        };
        match row.fields.iter().find(|(name, _)| is_taken(name)) {
            Some((name, _)) => Err(ItemError::NameTaken(name.clone())),
            None => Ok(()),
        }
    }
}

/// [`PREFIX`], repeated until none of `names` is one of `taken`.
fn free_prefix(taken: &HashSet<&str>, names: &[String]) -> String {
    let mut prefix = String::new();
    while names.iter().any(|name| taken.contains(format!("{prefix}{name}").as_str())) {
        prefix += PREFIX;
    }
    prefix
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Field;
    use finsent_model::Text;

    fn columns(input: &[&str]) -> PredictionColumns {
        let input: Vec<Arc<str>> = input.iter().map(|&column| column.into()).collect();
        PredictionColumns::beside(&input, ["label", "score"].map(String::from).to_vec())
    }

    #[test]
    fn if_one_name_is_taken_all_get_the_prefix() {
        assert_eq!(columns(&["text", "date"]).prefix(), "");
        assert_eq!(columns(&["text", "label"]).prefix(), "finsent_");
        assert_eq!(columns(&["label", "finsent_score"]).prefix(), "finsent_finsent_");
    }

    #[test]
    fn a_later_row_cannot_have_a_settled_name() {
        let row = |name: &str| Row {
            place: "line 2".into(),
            text: Ok(Text::parse("a").unwrap()),
            id: None,
            fields: vec![(name.into(), Field::Text("x".into()))],
            origin: None,
        };
        assert!(columns(&["text"]).check(&row("label")).is_err());
        assert!(columns(&["text"]).check(&row("date")).is_ok());
        assert!(columns(&["label"]).check(&row("label")).is_ok());
        assert!(columns(&["label"]).check(&row("finsent_score")).is_err());
    }
}
