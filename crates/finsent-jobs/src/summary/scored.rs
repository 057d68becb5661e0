//! Rows of files that are already scored.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use finsent_table::{Field, Input, ItemError, PREDICTION_PREFIX, Row, text_by_name};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use super::{LeftOut, SeenLabels, SummaryError};

/// How often the prefix of the prediction's columns may be repeated: a file that was scored again has it once more.
const MAX_PREFIXES: usize = 4;

/// Reads the predictions of rows, whatever file they are from. Columns may have the prefix `finsent_`, and other places in
/// each file.
#[derive(Debug, Default)]
pub struct ScoredFiles {
    /// The column of the texts, if the user named one.
    text_column: Option<String>,
    labels: SeenLabels,
    /// The labels that the names of columns tell, for files without rows.
    named_labels: Vec<String>,
    /// Where the columns of the last row were.
    layout: Layout,
}

/// What a row says of its prediction.
#[derive(Debug, PartialEq)]
pub enum ScoredRow<'a> {
    /// It was scored.
    Scored {
        /// The id of its label.
        label: usize,
        /// Its sentiment score, if its labels have one.
        sentiment_score: Option<f64>,
        /// Its text, if the column is known.
        text: Option<Cow<'a, str>>,
    },
    /// It has an `error` instead of a prediction.
    Failed,
    /// It should have a prediction, but this is wrong with it.
    LeftOut(LeftOut),
}

impl ScoredFiles {
    /// A reader; `text_column` is that of the texts, and found by its name if it is `None`.
    pub fn new(text_column: Option<String>) -> Self {
        Self { text_column, ..Self::default() }
    }

    /// Checks that files have the columns of predictions, as far as they are known before they are read. Returns what is to be
    /// told about them.
    ///
    /// # Errors
    /// [`SummaryError::NotScored`], or that a file lacks the column of the texts if it was named.
    pub fn check(&mut self, input: &Input) -> Result<Vec<String>, SummaryError> {
        let mut notes = Vec::new();
        if let Some(text) = &self.text_column {
            input.check_column(text)?;
        }
        for (file, columns) in input.known_files() {
            let layout = Layout::of(columns, None);
            // The first object of JSON may be of a text that failed.
            if layout.error.is_none() || layout.label.is_some() {
                layout.check(file)?;
            }
            if self.named_labels.is_empty() {
                self.named_labels =
                    layout.probabilities.iter().filter_map(|&at| layout.plain(at)).map(String::from).collect();
            }
            if layout.prefixes > 0 && Layout::with_prefixes(columns, 0).is_some() {
                let prefix = PREDICTION_PREFIX.repeat(layout.prefixes);
                notes.push(format!("{file} was scored more than once; its columns with the prefix {prefix} are read"));
            }
        }
        Ok(notes)
    }

    /// Checks that the column of the texts is known in all files.
    ///
    /// # Errors
    /// [`SummaryError::NoTexts`].
    pub fn check_texts(&self, input: &Input) -> Result<(), SummaryError> {
        let has_none = |columns: &[Arc<str>]| Layout::of(columns, self.text_column.as_deref()).text.is_none();
        match input.known_files().find(|(_, columns)| has_none(columns)) {
            None => Ok(()),
            Some((file, columns)) => {
                let columns = columns.iter().map(ToString::to_string).collect();
                Err(SummaryError::NoTexts { file: file.to_owned(), columns })
            }
        }
    }

    /// The columns of files that are read for their predictions, and for their texts if those are wanted. The columns of
    /// probabilities are not: [`ScoredFiles::name_labels`] takes the labels from their names.
    pub fn columns(&self, files: &Input, has_texts: bool) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for (_, columns) in files.known_files() {
            let layout = Layout::of(columns, self.text_column.as_deref());
            for index in layout.used().chain(layout.text.filter(|_| has_texts)) {
                if !names.iter().any(|name| **name == *columns[index]) {
                    names.push(columns[index].to_string());
                }
            }
        }
        names
    }

    /// The column of the labels, if it has the same name in all files.
    pub fn label_column(&self, files: &Input) -> Option<String> {
        let name = |columns: &[Arc<str>]| {
            let layout = Layout::of(columns, None);
            layout.label.map(|label| layout.names[label].to_string())
        };
        let mut names = files.known_files().map(|(_, columns)| name(columns));
        let first = names.next()??;
        names.all(|other| other.as_ref() == Some(&first)).then_some(first)
    }

    /// The labels so far.
    pub fn labels(&self) -> &SeenLabels {
        &self.labels
    }

    /// Takes the labels from the names of columns, if these have them and no label is known: for files without predictions, or
    /// whose columns of probabilities are not read.
    ///
    /// # Errors
    /// [`SummaryError::TooManyLabels`].
    pub fn name_labels(&mut self) -> Result<(), SummaryError> {
        let names = if self.labels.names().is_empty() { std::mem::take(&mut self.named_labels) } else { Vec::new() };
        names.iter().try_for_each(|label| self.labels.id(label).map(|_| ()))
    }

    /// The prediction of a row.
    ///
    /// # Errors
    /// [`SummaryError::TooManyLabels`].
    pub fn read<'a>(&mut self, row: &'a Row) -> Result<ScoredRow<'a>, SummaryError> {
        if let Some(reason) = unreadable(row) {
            return Ok(ScoredRow::LeftOut(LeftOut::Unreadable(reason)));
        }
        if !self.layout.fits(row) {
            let names: Vec<Arc<str>> = row.fields.iter().map(|(name, _)| name.clone()).collect();
            self.layout = Layout::of(&names, self.text_column.as_deref());
        }
        let layout = &self.layout;
        if layout.cell(row, layout.error).is_some() {
            return Ok(ScoredRow::Failed);
        }
        let Some(label) = layout.cell(row, layout.label).filter(|_| layout.score.is_some()) else {
            let column = layout.label.map_or("label", |label| &*layout.names[label]);
            return Ok(ScoredRow::LeftOut(LeftOut::NoLabel(column.to_owned())));
        };
        let sentiment_score = match layout.sentiment(row) {
            Ok(score) => score,
            Err(reason) => return Ok(ScoredRow::LeftOut(reason)),
        };
        if !self.layout.has_named_labels {
            self.layout.has_named_labels = true;
            self.layout.classes(row).iter().try_for_each(|label| self.labels.id(label).map(|_| ()))?;
        }
        let label = self.labels.id(&label)?;
        let text = self.layout.text.map(|text| row.fields[text].1.cell());
        Ok(ScoredRow::Scored { label, sentiment_score, text })
    }
}

/// Why a row cannot be read, if it is not only without a text.
fn unreadable(row: &Row) -> Option<String> {
    match row.text.as_ref().err()? {
        ItemError::Text(_) | ItemError::NoField(_) | ItemError::Null(_) | ItemError::NotAString(_) => None,
        error => Some(error.to_string()),
    }
}

/// Where the prediction's columns are.
#[derive(Debug, Default)]
struct Layout {
    names: Vec<Arc<str>>,
    /// How often the prefix stands before the prediction's columns.
    prefixes: usize,
    label: Option<usize>,
    score: Option<usize>,
    sentiment: Option<usize>,
    /// JSON's object of probabilities.
    scores: Option<usize>,
    /// The columns of probabilities of formats of columns.
    probabilities: Vec<usize>,
    error: Option<usize>,
    text: Option<usize>,
    /// Whether the names of all labels were taken from a row.
    has_named_labels: bool,
}

impl Layout {
    /// The columns with the longest prefix with which there is a prediction.
    fn of(names: &[Arc<str>], text_column: Option<&str>) -> Self {
        let longest = (0..MAX_PREFIXES).rev().find_map(|prefixes| Self::with_prefixes(names, prefixes));
        let mut layout = longest.unwrap_or_else(|| Self::named(names, 0));
        let position = |name: &str| names.iter().position(|known| **known == *name);
        let sentence = || position(&layout.name("text")).filter(|_| layout.prefixes > 0);
        let by_name = || text_by_name(names).and_then(|name| position(&name));
        layout.text = match text_column {
            Some(name) => position(name),
            None => sentence().or_else(by_name),
        };
        layout
    }

    /// The columns with so many prefixes, if there are a label and a score, or, of a text that failed, only an error.
    fn with_prefixes(names: &[Arc<str>], prefixes: usize) -> Option<Self> {
        let is_prediction = |layout: &Self| match (layout.label, layout.score, layout.error) {
            (Some(_), Some(_), _) => true,
            (label, _, error) => label.is_none() && error.is_some(),
        };
        Some(Self::named(names, prefixes)).filter(is_prediction)
    }

    fn named(names: &[Arc<str>], prefixes: usize) -> Self {
        let mut layout = Self { names: names.to_vec(), prefixes, ..Self::default() };
        let position = |name: &str| {
            let name = layout.name(name);
            names.iter().position(|known| **known == *name)
        };
        let [label, score, sentiment, scores, error] =
            ["label", "score", "sentiment_score", "scores", "error"].map(position);
        let end = [sentiment, position("tokens"), position("sentences"), error].into_iter().flatten().min();
        if let (Some(score), Some(end), None) = (score, end, scores) {
            layout.probabilities = (score + 1..end).filter(|&index| layout.plain(index).is_some()).collect();
        }
        Self { label, score, sentiment, scores, error, ..layout }
    }

    /// The name of a column of the prediction in this file.
    fn name(&self, plain: &str) -> String {
        PREDICTION_PREFIX.repeat(self.prefixes) + plain
    }

    /// The plain name of a column of the prediction.
    fn plain(&self, index: usize) -> Option<&str> {
        self.names[index].strip_prefix(PREDICTION_PREFIX.repeat(self.prefixes).as_str())
    }

    fn fits(&self, row: &Row) -> bool {
        let is_same = |(name, (field, _)): (&Arc<str>, &(Arc<str>, Field))| Arc::ptr_eq(name, field) || name == field;
        self.names.len() == row.fields.len() && self.names.iter().zip(&row.fields).all(is_same)
    }

    /// Refuses a file without the columns that a summary needs.
    fn check(&self, file: &str) -> Result<(), SummaryError> {
        let has_polar_labels = {
            let is_any = |names: [&str; 2]| {
                let is_named = |index: &usize| {
                    self.plain(*index).is_some_and(|label| names.iter().any(|name| label.eq_ignore_ascii_case(name)))
                };
                self.probabilities.iter().any(is_named)
            };
            is_any(["positive", "bullish"]) && is_any(["negative", "bearish"])
        };
        let needs_sentiment = has_polar_labels || (self.probabilities.is_empty() && self.scores.is_none());
        let missing: Vec<String> = [
            ("label", self.label.is_none()),
            ("score", self.score.is_none()),
            ("sentiment_score", self.sentiment.is_none() && needs_sentiment),
        ]
        .into_iter()
        .filter(|&(_, is_missing)| is_missing)
        .map(|(name, _)| name.to_owned())
        .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let columns = self.names.iter().map(ToString::to_string).collect();
        Err(SummaryError::NotScored { file: file.to_owned(), missing, columns })
    }

    /// The columns that are read.
    fn used(&self) -> impl Iterator<Item = usize> {
        [self.label, self.score, self.sentiment, self.scores, self.error].into_iter().flatten()
    }

    /// The value of a column, unless it is blank.
    fn cell<'a>(&self, row: &'a Row, column: Option<usize>) -> Option<Cow<'a, str>> {
        Some(row.fields[column?].1.cell()).filter(|cell| !cell.trim().is_empty())
    }

    fn sentiment(&self, row: &Row) -> Result<Option<f64>, LeftOut> {
        let Some(column) = self.sentiment else { return Ok(None) };
        let cell = row.fields[column].1.cell();
        let score = cell.trim().parse::<f64>().ok().filter(|score| (-1.0..=1.0).contains(score));
        match score {
            Some(score) => Ok(Some(score)),
            None => {
                Err(LeftOut::Score { column: self.names[column].to_string(), cell: cell.chars().take(40).collect() })
            }
        }
    }

    /// The labels of the model that scored a row, in its order.
    fn classes(&self, row: &Row) -> Vec<String> {
        if let Some(scores) = self.scores {
            let keys = serde_json::Deserializer::from_str(&row.fields[scores].1.cell()).deserialize_map(Keys);
            return keys.unwrap_or_default();
        }
        let is_probability = |index: &&usize| {
            let number = row.fields[**index].1.cell().trim().parse::<f64>();
            number.is_ok_and(|number| (0.0..=1.0).contains(&number))
        };
        self.probabilities
            .iter()
            .filter(is_probability)
            .filter_map(|&index| self.plain(index))
            .map(String::from)
            .collect()
    }
}

/// The keys of an object, in order.
struct Keys;

impl<'de> Visitor<'de> for Keys {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut keys = Vec::new();
        while let Some((key, IgnoredAny)) = map.next_entry()? {
            keys.push(key);
        }
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(fields: &[(&str, &str)]) -> Row {
        let field = |(name, value): &(&str, &str)| (Arc::from(*name), Field::Text((*value).to_owned()));
        let text = Err(ItemError::NoField("text".into()));
        Row { place: "line 2".into(), text, id: None, fields: fields.iter().map(field).collect(), origin: None }
    }

    fn names(names: &[&str]) -> Vec<Arc<str>> {
        names.iter().map(|name| Arc::from(*name)).collect()
    }

    #[test]
    fn a_prediction_is_read_wherever_its_columns_are() {
        let mut files = ScoredFiles::default();
        let plain = [("headline", "Up"), ("label", "positive"), ("score", "0.9"), ("positive", "0.9")];
        let rest = [("negative", "0.1"), ("neutral", "0"), ("sentiment_score", "0.8"), ("error", "")];
        let fields = [&plain[..], &rest].concat();
        let scored = |score| ScoredRow::Scored { label: 0, sentiment_score: Some(score), text: Some("Up".into()) };
        assert_eq!(files.read(&row(&fields)).unwrap(), scored(0.8));
        assert_eq!(files.labels().names(), ["positive", "negative", "neutral"]);

        let again = [
            ("label", "gold"),
            ("finsent_label", "Positive"),
            ("finsent_score", "0.9"),
            ("finsent_sentiment_score", "0.5"),
            ("title", "Up"),
        ];
        assert_eq!(files.read(&row(&again)).unwrap(), scored(0.5));
        assert_eq!(files.labels().names().len(), 3);
        let failed = [("label", "gold"), ("finsent_error", "the text is empty")];
        assert_eq!(files.read(&row(&failed)).unwrap(), ScoredRow::Failed, "the label is another's");
    }

    #[test]
    fn a_row_without_a_prediction_says_why() {
        let mut files = ScoredFiles::default();
        let mut read = |label: &str, sentiment: &str, error: &str| {
            let fields = [("label", label), ("score", "1"), ("sentiment_score", sentiment), ("error", error)];
            match files.read(&row(&fields)).unwrap() {
                ScoredRow::Failed => "failed".to_owned(),
                ScoredRow::LeftOut(reason) => reason.to_string(),
                ScoredRow::Scored { .. } => "scored".to_owned(),
            }
        };
        assert_eq!(read("", "", "the text is empty"), "failed");
        assert_eq!(read("", "", ""), "it has no prediction: `label` is blank");
        let expected = "`7` in `sentiment_score` is not a sentiment score; expected a number from -1 to 1";
        assert_eq!(read("positive", "7", ""), expected);
        assert_eq!(read("positive", "-0.25", ""), "scored");
    }

    #[test]
    fn what_a_file_lacks_is_named() {
        let missing = |columns: &[&str]| match Layout::of(&names(columns), None).check("n.csv") {
            Ok(()) => Vec::new(),
            Err(SummaryError::NotScored { missing, .. }) => missing,
            Err(error) => panic!("{error}"),
        };
        assert_eq!(missing(&["ticker", "headline"]), ["label", "score", "sentiment_score"]);
        assert_eq!(missing(&["headline", "label"]), ["score", "sentiment_score"]);
        assert_eq!(missing(&["label", "score", "positive", "negative", "tokens"]), ["sentiment_score"]);
        let none: [&str; 0] = [];
        assert_eq!(missing(&["label", "score", "Social", "None", "tokens"]), none, "not every model has a sentiment");
        assert_eq!(missing(&["label", "score", "scores"]), none);
    }
}
