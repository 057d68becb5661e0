//! Which of a model's labels a label of a labelled file is.

use thiserror::Error;

/// Names that mean the same, by their first.
const ALIASES: [&[&str]; 3] = [&["positive", "bullish", "pos"], &["negative", "bearish", "neg"], &["neutral", "neu"]];

/// Why a user's own table of labels cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum LabelTableError {
    /// A label is mapped to what the model does not have.
    #[error("`{from}` cannot be `{to}`: the model's labels are {}", labels.join(", "))]
    UnknownTarget {
        /// The file's label.
        from: String,
        /// What it should be.
        to: String,
        /// Labels of the model.
        labels: Vec<String>,
    },
    /// A label is mapped to two.
    #[error("`{0}` is mapped twice")]
    Twice(String),
}

/// Why a label of a file is none of the model's.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum MatchError {
    /// It is like none of them.
    #[error("unknown label `{0}`")]
    Unknown(String),
    /// It is as much one as the other.
    #[error("label `{label}` may be `{}` or `{}`", candidates[0], candidates[1])]
    Ambiguous {
        /// The file's label.
        label: String,
        /// Labels of the model.
        candidates: [String; 2],
    },
}

/// A label of the file as one of the model's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// Its id, which is its place in the model's labels.
    pub id: usize,
    /// By what it is that label.
    pub by: By,
}

/// How a label was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The user said so.
    Table,
    /// It has the same name.
    Name,
    /// It has a name that means the same.
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
    /// Whether a number is the id of a label: not where the model's labels are numbers, or the user has said of some
    /// number what it is, as then the others need not be ids.
    takes_ids: bool,
}

impl LabelMatcher {
    /// For a model with these labels; `table` has pairs of a file's label and the model's.
    ///
    /// # Errors
    /// [`LabelTableError`] when the table names a label twice, or one that the model has not.
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

    /// The model's label that `label` is: by the user's table, else the one of this name, in the same case or, if there is
    /// none, in any, else by a name that means the same, else by its id. White space around it is no part of it.
    ///
    /// # Errors
    /// [`MatchError`] when it is none of them, or could be two.
    pub fn find(&self, label: &str) -> Result<Match, MatchError> {
        let normal = normal(label);
        if let Some(&(_, id)) = self.table.iter().find(|(from, _)| *from == normal) {
            return Ok(Match { id, by: By::Table });
        }
        match self.by_name_or_alias(label) {
            Err(MatchError::Unknown(label)) => {
                let id = number_of(&normal).filter(|&id| self.takes_ids && id < self.labels.len());
                id.map(|id| Match { id, by: By::Id }).ok_or(MatchError::Unknown(label))
            }
            found => found,
        }
    }

    fn by_name_or_alias(&self, label: &str) -> Result<Match, MatchError> {
        let wanted = normal(label);
        let group = ALIASES.iter().find(|names| names.contains(&wanted.as_str()));
        let mut found = self.only(label, By::Name, |name| name.trim() == label.trim())?;
        if found.is_none() {
            found = self.only(label, By::Name, |name| normal(name) == wanted)?;
        }
        if found.is_none() {
            let means_it = |name: &str| group.is_some_and(|names| names.contains(&normal(name).as_str()));
            found = self.only(label, By::Alias, means_it)?;
        }
        found.ok_or_else(|| MatchError::Unknown(label.trim().into()))
    }

    /// The only label of the model that `is_it`, if there is any.
    fn only(&self, label: &str, by: By, is_it: impl Fn(&str) -> bool) -> Result<Option<Match>, MatchError> {
        let mut ids = (0..self.labels.len()).filter(|&id| is_it(&self.labels[id]));
        match (ids.next(), ids.next()) {
            (Some(one), Some(other)) => {
                let candidates = [one, other].map(|id| self.labels[id].clone());
                Err(MatchError::Ambiguous { label: label.trim().into(), candidates })
            }
            (id, _) => Ok(id.map(|id| Match { id, by })),
        }
    }
}

/// A label without what does not tell it from others.
fn normal(label: &str) -> String {
    label.trim().to_lowercase()
}

/// The id in `2`, `2.0` (which pandas writes where a column has gaps) or `label_2`.
fn number_of(normal: &str) -> Option<usize> {
    let number = normal.strip_prefix("label_").unwrap_or_else(|| normal.strip_suffix(".0").unwrap_or(normal));
    let id: usize = number.parse().ok()?;
    // `02` and `+2` are no ids that anyone writes.
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

    fn find(labels: &[&str], label: &str) -> Result<(usize, By), String> {
        let found = matcher(labels, &[]).unwrap().find(label);
        found.map(|found| (found.id, found.by)).map_err(|error| error.to_string())
    }

    #[test]
    fn labels_are_found_by_name_alias_and_id() {
        for (label, expected) in [
            ("negative", (1, By::Name)),
            (" Negative\t", (1, By::Name)),
            ("BEARISH", (1, By::Alias)),
            ("pos", (0, By::Alias)),
            ("Neu", (2, By::Alias)),
            ("0", (0, By::Id)),
            ("2", (2, By::Id)),
            ("1.0", (1, By::Id)),
            ("LABEL_2", (2, By::Id)),
        ] {
            assert_eq!(find(&FINBERT, label), Ok(expected), "{label}");
        }
        assert_eq!(find(&["Bullish", "Bearish"], "negative"), Ok((1, By::Alias)));
        assert_eq!(find(&["LABEL_0", "LABEL_1"], "1"), Ok((1, By::Id)));
        assert_eq!(find(&["LABEL_0", "LABEL_1"], "label_1"), Ok((1, By::Name)));
    }

    #[test]
    fn what_is_like_no_label_is_unknown() {
        for label in ["3", "-1", "LABEL_3", "02", "+1", "1.5", "good", "posit", "nan", "1e0"] {
            assert_eq!(find(&FINBERT, label), Err(format!("unknown label `{label}`")));
        }
        assert!(find(&["Environmental", "Social"], "positive").is_err());
    }

    #[test]
    fn the_same_case_tells_names_apart_that_any_case_does_not() {
        assert_eq!(find(&["up", "UP"], "UP"), Ok((1, By::Name)));
        assert_eq!(find(&["up", "UP"], "Up").unwrap_err(), "label `Up` may be `up` or `UP`");
    }

    #[test]
    fn an_alias_of_two_labels_is_ambiguous_and_their_own_names_are_not() {
        let labels = ["positive", "bullish", "negative"];
        assert_eq!(find(&labels, "pos").unwrap_err(), "label `pos` may be `positive` or `bullish`");
        assert_eq!(find(&labels, "bullish"), Ok((1, By::Name)));
        assert_eq!(find(&labels, "neg"), Ok((2, By::Alias)));
    }

    #[test]
    fn numbers_are_no_ids_where_labels_are_numbers() {
        assert_eq!(find(&["1", "2", "3"], "2"), Ok((1, By::Name)));
        assert!(find(&["1", "2", "3"], "0").is_err());
    }

    #[test]
    fn the_users_table_goes_before_everything() {
        let matcher = matcher(&FINBERT, &[("Up", "pos"), ("positive", "NEGATIVE")]).unwrap();
        assert_eq!(matcher.find("UP"), Ok(Match { id: 0, by: By::Table }));
        assert_eq!(matcher.find("positive"), Ok(Match { id: 1, by: By::Table }));
        assert_eq!(matcher.find("1"), Ok(Match { id: 1, by: By::Id }));
    }

    #[test]
    fn a_table_that_has_one_number_has_to_have_all() {
        let matcher = matcher(&FINBERT, &[("-1", "negative"), ("1", "positive")]).unwrap();
        assert_eq!(matcher.find("-1").unwrap().id, 1);
        assert_eq!(matcher.find("1").unwrap().id, 0);
        assert!(matcher.find("0").is_err());
    }

    #[test]
    fn a_table_with_unknown_or_repeated_labels_is_refused() {
        let message = matcher(&FINBERT, &[("up", "upward")]).unwrap_err().to_string();
        assert_eq!(message, "`up` cannot be `upward`: the model's labels are positive, negative, neutral");
        let twice = matcher(&FINBERT, &[("up", "positive"), (" UP", "negative")]);
        assert_eq!(twice.unwrap_err(), LabelTableError::Twice(" UP".into()));
    }
}
