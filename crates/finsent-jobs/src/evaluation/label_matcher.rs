//! Matching the labels of a file to those of a model.

use thiserror::Error;

/// Names with the same meaning.
const ALIASES: [&[&str]; 3] = [&["positive", "bullish", "pos"], &["negative", "bearish", "neg"], &["neutral", "neu"]];

/// Why a user's own table of labels cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum LabelTableError {
    /// A label is mapped to one that the model does not have.
    #[error("cannot map `{from}` to `{to}`: the model's labels are {}", labels.join(", "))]
    UnknownTarget {
        /// The file's label.
        from: String,
        /// What it is mapped to.
        to: String,
        /// The labels of the model.
        labels: Vec<String>,
    },
    /// A label is mapped twice.
    #[error("`{0}` is mapped twice")]
    Twice(String),
}

/// Why a label of a file does not match one of the model's.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum MatchError {
    /// It matches none of them.
    #[error("unknown label `{0}`")]
    Unknown(String),
    /// It matches two of them.
    #[error("label `{label}` could be `{}` or `{}`", candidates[0], candidates[1])]
    Ambiguous {
        /// The file's label.
        label: String,
        /// The labels of the model.
        candidates: [String; 2],
    },
}

/// A label of a model that matches one of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabelMatch {
    /// Its id: its index in the model's labels.
    pub id: usize,
    /// Why it matches.
    pub by: MatchedBy,
}

/// Why a label matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchedBy {
    /// The user's table says so.
    Table,
    /// It has the same name.
    Name,
    /// It has a name with the same meaning.
    Alias,
    /// It is the number of the label, or `LABEL_` and the number.
    Id,
}

/// The labels of a model, and the user's own table of others.
#[derive(Debug)]
pub struct LabelMatcher {
    labels: Vec<String>,
    /// Labels as [`normal`] makes them, with their ids.
    table: Vec<(String, usize)>,
    /// Whether a number is the id of a label. It is not if the model's labels are numbers, or if the user's table has a
    /// number: then the others need not be ids.
    takes_ids: bool,
}

impl LabelMatcher {
    /// A matcher for a model with these labels. `table` has pairs of a file's label and the model's.
    ///
    /// # Errors
    /// [`LabelTableError`] if the table has a label twice, or one that the model does not have.
    pub fn new(labels: &[String], table: &[(String, String)]) -> Result<Self, LabelTableError> {
        let is_number = |label: &str| label.trim().parse::<f64>().is_ok();
        let is_numbered = |label: &str| is_number(label) || number_of(&normal(label)).is_some();
        let takes_ids =
            !labels.iter().any(|label| is_number(label)) && !table.iter().any(|(from, _)| is_numbered(from));
        let mut matcher = Self { labels: labels.to_vec(), table: Vec::new(), takes_ids };
        for (from, to) in table {
            let unknown =
                |_| LabelTableError::UnknownTarget { from: from.clone(), to: to.clone(), labels: labels.to_vec() };
            let id = matcher.by_name_or_alias(to).map_err(unknown)?.id;
            if matcher.table.iter().any(|(other, _)| *other == normal(from)) {
                return Err(LabelTableError::Twice(from.clone()));
            }
            matcher.table.push((normal(from), id));
        }
        Ok(matcher)
    }

    /// The model's label that matches `label`: by the user's table, else by name (in the same case if possible), else by a name
    /// with the same meaning, else by id. White space around it is ignored.
    ///
    /// # Errors
    /// [`MatchError`] if it matches none of them, or two.
    pub fn find(&self, label: &str) -> Result<LabelMatch, MatchError> {
        let normal = normal(label);
        if let Some(&(_, id)) = self.table.iter().find(|(from, _)| *from == normal) {
            return Ok(LabelMatch { id, by: MatchedBy::Table });
        }
        match self.by_name_or_alias(label) {
            Err(MatchError::Unknown(label)) => {
                let id = number_of(&normal).filter(|&id| self.takes_ids && id < self.labels.len());
                id.map(|id| LabelMatch { id, by: MatchedBy::Id }).ok_or(MatchError::Unknown(label))
            }
            found => found,
        }
    }

    /// As [`LabelMatcher::find`], without the user's table and without ids.
    pub(super) fn by_name_or_alias(&self, label: &str) -> Result<LabelMatch, MatchError> {
        let wanted = normal(label);
        let group = ALIASES.iter().find(|names| names.contains(&wanted.as_str()));
        let mut found = self.only(label, MatchedBy::Name, |name| name.trim() == label.trim())?;
        if found.is_none() {
            found = self.only(label, MatchedBy::Name, |name| normal(name) == wanted)?;
        }
        if found.is_none() {
            let means_it = |name: &str| group.is_some_and(|names| names.contains(&normal(name).as_str()));
            found = self.only(label, MatchedBy::Alias, means_it)?;
        }
        found.ok_or_else(|| MatchError::Unknown(label.trim().into()))
    }

    /// The only label of the model that `is_it`, if there is one.
    fn only(&self, label: &str, by: MatchedBy, is_it: impl Fn(&str) -> bool) -> Result<Option<LabelMatch>, MatchError> {
        let mut ids = (0..self.labels.len()).filter(|&id| is_it(&self.labels[id]));
        match (ids.next(), ids.next()) {
            (Some(one), Some(other)) => {
                let candidates = [one, other].map(|id| self.labels[id].clone());
                Err(MatchError::Ambiguous { label: label.trim().into(), candidates })
            }
            (id, _) => Ok(id.map(|id| LabelMatch { id, by })),
        }
    }
}

/// A label in lower case and without white space around it.
fn normal(label: &str) -> String {
    label.trim().to_lowercase()
}

/// The id in `2`, `2.0` (which pandas writes if a column has gaps) or `label_2`.
fn number_of(normal: &str) -> Option<usize> {
    let number = normal.strip_prefix("label_").unwrap_or_else(|| normal.strip_suffix(".0").unwrap_or(normal));
    let id: usize = number.parse().ok()?;
    // Nobody writes ids as `02` or `+2`.
    (id.to_string() == number).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matcher(labels: &[&str], table: &[(&str, &str)]) -> Result<LabelMatcher, LabelTableError> {
        let labels: Vec<String> = labels.iter().map(ToString::to_string).collect();
        let table: Vec<_> = table.iter().map(|(from, to)| (from.to_string(), to.to_string())).collect();
        LabelMatcher::new(&labels, &table)
    }

    const FINBERT: [&str; 3] = ["positive", "negative", "neutral"];

    fn find(labels: &[&str], label: &str) -> Result<(usize, MatchedBy), String> {
        let found = matcher(labels, &[]).unwrap().find(label);
        found.map(|found| (found.id, found.by)).map_err(|error| error.to_string())
    }

    #[test]
    fn labels_are_found_by_name_alias_and_id() {
        for (label, expected) in [
            ("negative", (1, MatchedBy::Name)),
            (" Negative\t", (1, MatchedBy::Name)),
            ("BEARISH", (1, MatchedBy::Alias)),
            ("pos", (0, MatchedBy::Alias)),
            ("Neu", (2, MatchedBy::Alias)),
            ("0", (0, MatchedBy::Id)),
            ("2", (2, MatchedBy::Id)),
            ("1.0", (1, MatchedBy::Id)),
            ("LABEL_2", (2, MatchedBy::Id)),
        ] {
            assert_eq!(find(&FINBERT, label), Ok(expected), "{label}");
        }
        assert_eq!(find(&["Bullish", "Bearish"], "negative"), Ok((1, MatchedBy::Alias)));
        assert_eq!(find(&["LABEL_0", "LABEL_1"], "1"), Ok((1, MatchedBy::Id)));
        assert_eq!(find(&["LABEL_0", "LABEL_1"], "label_1"), Ok((1, MatchedBy::Name)));
    }

    #[test]
    fn other_labels_are_unknown() {
        for label in ["3", "-1", "LABEL_3", "02", "+1", "1.5", "good", "posit", "nan", "1e0"] {
            assert_eq!(find(&FINBERT, label), Err(format!("unknown label `{label}`")));
        }
        assert!(find(&["Environmental", "Social"], "positive").is_err());
    }

    #[test]
    fn a_name_in_the_same_case_is_preferred() {
        assert_eq!(find(&["up", "UP"], "UP"), Ok((1, MatchedBy::Name)));
        assert_eq!(find(&["up", "UP"], "Up").unwrap_err(), "label `Up` could be `up` or `UP`");
    }

    #[test]
    fn an_alias_of_two_labels_is_ambiguous_but_their_names_are_not() {
        let labels = ["positive", "bullish", "negative"];
        assert_eq!(find(&labels, "pos").unwrap_err(), "label `pos` could be `positive` or `bullish`");
        assert_eq!(find(&labels, "bullish"), Ok((1, MatchedBy::Name)));
        assert_eq!(find(&labels, "neg"), Ok((2, MatchedBy::Alias)));
    }

    #[test]
    fn numbers_are_not_ids_if_labels_are_numbers() {
        assert_eq!(find(&["1", "2", "3"], "2"), Ok((1, MatchedBy::Name)));
        assert!(find(&["1", "2", "3"], "0").is_err());
    }

    #[test]
    fn the_users_table_comes_first() {
        let matcher = matcher(&FINBERT, &[("Up", "pos"), ("positive", "NEGATIVE")]).unwrap();
        assert_eq!(matcher.find("UP"), Ok(LabelMatch { id: 0, by: MatchedBy::Table }));
        assert_eq!(matcher.find("positive"), Ok(LabelMatch { id: 1, by: MatchedBy::Table }));
        assert_eq!(matcher.find("1"), Ok(LabelMatch { id: 1, by: MatchedBy::Id }));
    }

    #[test]
    fn if_the_table_has_a_number_other_numbers_are_unknown() {
        let matcher = matcher(&FINBERT, &[("-1", "negative"), ("1", "positive")]).unwrap();
        assert_eq!(matcher.find("-1").unwrap().id, 1);
        assert_eq!(matcher.find("1").unwrap().id, 0);
        assert!(matcher.find("0").is_err());
    }

    #[test]
    fn a_table_with_unknown_or_repeated_labels_is_refused() {
        let message = matcher(&FINBERT, &[("up", "upward")]).unwrap_err().to_string();
        assert_eq!(message, "cannot map `up` to `upward`: the model's labels are positive, negative, neutral");
        let twice = matcher(&FINBERT, &[("up", "positive"), (" UP", "negative")]);
        assert_eq!(twice.unwrap_err(), LabelTableError::Twice(" UP".into()));
    }
}
