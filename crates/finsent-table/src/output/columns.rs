//! The names of the prediction's columns beside those of the input.

use std::sync::Arc;

use crate::input::{ItemError, Row};

/// Put before the prediction's names where one of them is taken.
const PREFIX: &str = "finsent_";

/// The prediction's columns, named so that they clash with none of the input's.
#[derive(Debug)]
pub struct PredictionColumns {
    names: Vec<String>,
    prefix: String,
}

impl PredictionColumns {
    /// Columns of these plain names beside the columns of the input.
    pub fn beside(input: &[Arc<str>], names: Vec<String>) -> Self {
        let input: Vec<&str> = input.iter().map(|column| &**column).collect();
        Self { prefix: free_prefix(&input, &names), names }
    }

    /// The plain names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// What stands before each name.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// What stands before each name in a row that fails [`PredictionColumns::check`].
    pub fn prefix_beside(&self, row: &Row) -> String {
        let fields: Vec<&str> = row.fields.iter().map(|(name, _)| &**name).collect();
        free_prefix(&fields, &self.names)
    }

    /// Refuses a row that brings a name of the prediction's, as only a line of JSON can: the names are settled by then.
    pub fn check(&self, row: &Row) -> Result<(), ItemError> {
        let is_ours = |name: &str| {
            let plain = name.strip_prefix(self.prefix.as_str());
            plain.is_some_and(|plain| self.names.iter().any(|own| own == plain))
        };
        match row.fields.iter().find(|(name, _)| is_ours(name)) {
            Some((name, _)) => Err(ItemError::NameTaken(name.clone())),
            None => Ok(()),
        }
    }
}

/// [`PREFIX`] as often as it takes for none of `names` to be one of `taken`.
fn free_prefix(taken: &[&str], names: &[String]) -> String {
    let mut prefix = String::new();
    while names.iter().any(|name| taken.contains(&format!("{prefix}{name}").as_str())) {
        prefix += PREFIX;
    }
    prefix
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Field;
    use finsent_model::Text;

    fn columns(input: &[&str]) -> PredictionColumns {
        let input: Vec<Arc<str>> = input.iter().map(|&column| column.into()).collect();
        PredictionColumns::beside(&input, ["label", "score"].map(String::from).to_vec())
    }

    #[test]
    fn one_name_that_is_taken_prefixes_all_of_them() {
        assert_eq!(columns(&["text", "date"]).prefix(), "");
        assert_eq!(columns(&["text", "label"]).prefix(), "finsent_");
        assert_eq!(columns(&["label", "finsent_score"]).prefix(), "finsent_finsent_");
    }

    #[test]
    fn a_later_row_cannot_take_a_name_that_is_settled() {
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
