//! The columns of an output record about a text, a sentence or a document, for every format.

use finsent_model::{Classification, Document, Granularity, LabelMap, Prediction, Scores, Sentence};
use serde::ser::{Serialize, Serializer};

/// What one record of the output is about.
#[derive(Debug, Clone, Copy)]
pub enum OutputRecord<'a> {
    /// A whole text.
    Text(&'a Prediction),
    /// A sentence of a text.
    Sentence(&'a Sentence),
    /// A text as a document.
    Document(&'a Document),
}

/// The value of a column of a record.
#[derive(Debug, Clone, Copy)]
pub enum RecordValue<'a> {
    /// A string.
    Text(&'a str),
    /// A probability or score.
    Number(f32),
    /// A number of tokens, windows or bytes.
    Count(usize),
    /// True or false.
    Flag(bool),
    /// The probability of each label; in formats of columns, one column each.
    Scores(&'a Prediction),
    /// The sentences; in formats of columns, their number.
    Sentences(&'a [Sentence]),
}

impl<'a> OutputRecord<'a> {
    /// The records of a text's classification, in order.
    pub fn all_of(answer: &'a Classification) -> Vec<Self> {
        match answer {
            Classification::Text(prediction) => vec![Self::Text(prediction)],
            Classification::Sentences(sentences) => sentences.iter().map(Self::Sentence).collect(),
            Classification::Document(document) => vec![Self::Document(document)],
        }
    }

    /// Its prediction.
    pub fn prediction(self) -> &'a Prediction {
        match self {
            Self::Text(prediction) => prediction,
            Self::Sentence(sentence) => sentence.prediction(),
            Self::Document(document) => document.prediction(),
        }
    }

    /// The text that it is about, if it is only a part of the row's.
    pub fn text(self) -> Option<&'a str> {
        match self {
            Self::Sentence(sentence) => Some(sentence.text()),
            Self::Text(_) | Self::Document(_) => None,
        }
    }

    /// The columns with their plain names, in the order of the header in formats of columns.
    pub fn columns(self) -> Vec<(&'static str, RecordValue<'a>)> {
        let prediction = self.prediction();
        let mut columns = Vec::with_capacity(10);
        if let Self::Sentence(sentence) = self {
            let bytes = sentence.bytes();
            columns.push(("start", RecordValue::Count(bytes.start)));
            columns.push(("end", RecordValue::Count(bytes.end)));
            columns.push(("text", RecordValue::Text(sentence.text())));
        }
        columns.push(("label", RecordValue::Text(prediction.label())));
        columns.push(("score", RecordValue::Number(prediction.score())));
        columns.push(("scores", RecordValue::Scores(prediction)));
        columns.extend(prediction.sentiment_score().map(|score| ("sentiment_score", RecordValue::Number(score))));
        if let Self::Document(document) = self {
            columns.push(("sentences", RecordValue::Sentences(document.sentences())));
            columns.push(("windows", RecordValue::Count(document.windows())));
        } else {
            columns.push(("tokens", RecordValue::Count(prediction.tokens())));
            columns.push(("truncated", RecordValue::Flag(prediction.truncated())));
        }
        if let Self::Sentence(sentence) = self {
            columns.push(("windows", RecordValue::Count(sentence.windows())));
        }
        columns
    }
}

/// The type of a column, in formats of columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CellType {
    Text,
    Number,
    Count,
    Flag,
}

/// The columns with their plain names in formats of columns, in which each label has one.
pub(super) fn columns(granularity: Granularity, labels: &LabelMap) -> Vec<(String, CellType)> {
    let mut columns: Vec<(&str, CellType)> = Vec::new();
    if granularity == Granularity::Sentence {
        columns.extend([("start", CellType::Count), ("end", CellType::Count), ("text", CellType::Text)]);
    }
    columns.extend([("label", CellType::Text), ("score", CellType::Number)]);
    columns.extend(labels.labels().iter().map(|label| (label.as_str(), CellType::Number)));
    columns.extend(labels.has_sentiment_score().then_some(("sentiment_score", CellType::Number)));
    columns.extend(match granularity {
        Granularity::Document(_) => [("sentences", CellType::Count), ("windows", CellType::Count)],
        Granularity::Text | Granularity::Sentence => [("tokens", CellType::Count), ("truncated", CellType::Flag)],
    });
    columns.extend((granularity == Granularity::Sentence).then_some(("windows", CellType::Count)));
    columns.into_iter().map(|(name, cell_type)| (name.to_owned(), cell_type)).collect()
}

impl RecordValue<'_> {
    /// The value as cells of a CSV file.
    pub(super) fn cells(self) -> Vec<String> {
        match self {
            Self::Text(text) => vec![text.to_owned()],
            Self::Number(number) => vec![number.to_string()],
            Self::Count(count) => vec![count.to_string()],
            Self::Flag(flag) => vec![flag.to_string()],
            Self::Scores(prediction) => prediction.scores().map(|(_, probability)| probability.to_string()).collect(),
            Self::Sentences(sentences) => vec![sentences.len().to_string()],
        }
    }
}

impl Serialize for RecordValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => text.serialize(serializer),
            Self::Number(number) => number.serialize(serializer),
            Self::Count(count) => count.serialize(serializer),
            Self::Flag(flag) => flag.serialize(serializer),
            Self::Scores(prediction) => Scores(prediction).serialize(serializer),
            Self::Sentences(sentences) => sentences.serialize(serializer),
        }
    }
}
