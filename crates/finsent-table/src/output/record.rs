//! What a line of the output says of a text, a sentence or a document: its columns, for every form.

use finsent_model::{Classification, Document, Granularity, LabelMap, Prediction, Scores, Sentence};
use serde::ser::{Serialize, Serializer};

/// What a line is about.
#[derive(Debug, Clone, Copy)]
pub enum OutputRecord<'a> {
    Text(&'a Prediction),
    Sentence(&'a Sentence),
    Document(&'a Document),
}

/// The value of one of its columns.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    Text(&'a str),
    Number(f32),
    Count(usize),
    Flag(bool),
    /// The probability of each label: a column each where a value is a cell.
    Scores(&'a Prediction),
    /// Where a value is a cell, how many there are.
    Sentences(&'a [Sentence]),
}

impl<'a> OutputRecord<'a> {
    /// The lines that an answer comes to.
    pub fn all_of(answer: &'a Classification) -> Vec<Self> {
        match answer {
            Classification::Text(prediction) => vec![Self::Text(prediction)],
            Classification::Sentences(sentences) => sentences.iter().map(Self::Sentence).collect(),
            Classification::Document(document) => vec![Self::Document(document)],
        }
    }

    pub fn prediction(self) -> &'a Prediction {
        match self {
            Self::Text(prediction) => prediction,
            Self::Sentence(sentence) => sentence.prediction(),
            Self::Document(document) => document.prediction(),
        }
    }

    /// The text that it is about, where that is not all of the row's.
    pub fn text(self) -> Option<&'a str> {
        match self {
            Self::Sentence(sentence) => Some(sentence.text()),
            Self::Text(_) | Self::Document(_) => None,
        }
    }

    /// The columns with their plain names, in the order of [`columns`].
    pub fn columns(self) -> Vec<(&'static str, Value<'a>)> {
        let prediction = self.prediction();
        let mut columns = Vec::with_capacity(10);
        if let Self::Sentence(sentence) = self {
            let bytes = sentence.bytes();
            columns.push(("start", Value::Count(bytes.start)));
            columns.push(("end", Value::Count(bytes.end)));
            columns.push(("text", Value::Text(sentence.text())));
        }
        columns.push(("label", Value::Text(prediction.label())));
        columns.push(("score", Value::Number(prediction.score())));
        columns.push(("scores", Value::Scores(prediction)));
        columns.extend(prediction.sentiment_score().map(|score| ("sentiment_score", Value::Number(score))));
        if let Self::Document(document) = self {
            columns.push(("sentences", Value::Sentences(document.sentences())));
            columns.push(("windows", Value::Count(document.windows())));
        } else {
            columns.push(("tokens", Value::Count(prediction.tokens())));
            columns.push(("truncated", Value::Flag(prediction.truncated())));
        }
        if let Self::Sentence(sentence) = self {
            columns.push(("windows", Value::Count(sentence.windows())));
        }
        columns
    }
}

/// What the values of a column are, where each is a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Number,
    Count,
    Flag,
}

/// The columns with their plain names where each value is a cell, so that each label has one.
pub(super) fn columns(granularity: Granularity, labels: &LabelMap) -> Vec<(String, Kind)> {
    let mut columns: Vec<(&str, Kind)> = Vec::new();
    if granularity == Granularity::Sentence {
        columns.extend([("start", Kind::Count), ("end", Kind::Count), ("text", Kind::Text)]);
    }
    columns.extend([("label", Kind::Text), ("score", Kind::Number)]);
    columns.extend(labels.labels().iter().map(|label| (label.as_str(), Kind::Number)));
    columns.extend(labels.has_sentiment_score().then_some(("sentiment_score", Kind::Number)));
    columns.extend(match granularity {
        Granularity::Document(_) => [("sentences", Kind::Count), ("windows", Kind::Count)],
        Granularity::Text | Granularity::Sentence => [("tokens", Kind::Count), ("truncated", Kind::Flag)],
    });
    columns.extend((granularity == Granularity::Sentence).then_some(("windows", Kind::Count)));
    columns.into_iter().map(|(name, kind)| (name.to_owned(), kind)).collect()
}

impl Value<'_> {
    /// As cells of a table.
    pub fn cells(self) -> Vec<String> {
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

impl Serialize for Value<'_> {
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
