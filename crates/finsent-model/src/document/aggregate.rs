//! Predictions of windows come to one of their sentence, predictions of sentences to one of their document.

use std::ops::Range;
use std::sync::Arc;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::prediction::{LabelMap, Prediction};

/// How the sentences of a document are weighed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Aggregate {
    /// By their tokens, special ones included.
    #[default]
    TokenWeighted,
    /// All alike, as `predict()` of finBERT does.
    Mean,
}

/// The prediction of one sentence.
#[derive(Debug, Clone, PartialEq)]
pub struct Sentence {
    bytes: Range<usize>,
    text: String,
    prediction: Prediction,
    windows: usize,
}

/// The prediction of a document, and of its sentences.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    prediction: Prediction,
    sentences: Vec<Sentence>,
}

impl Sentence {
    /// The prediction of the sentence `text`, at `bytes` of its document, that was read in `windows`: each with its
    /// probabilities and its tokens. `tokens` are the sentence's own, counted once.
    ///
    /// # Panics
    /// When there is no window, or one without tokens.
    pub fn new(
        bytes: Range<usize>,
        text: String,
        labels: &Arc<LabelMap>,
        windows: &[(Vec<f32>, usize)],
        tokens: usize,
    ) -> Self {
        let weighed = windows.iter().map(|(probabilities, tokens)| (probabilities.as_slice(), *tokens));
        let prediction = Prediction::new(Arc::clone(labels), mean(weighed), tokens, false);
        Self { bytes, text, prediction, windows: windows.len() }
    }

    /// Where the sentence is in its document, in bytes.
    pub fn bytes(&self) -> Range<usize> {
        self.bytes.clone()
    }

    /// The sentence as it stands in the document.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What the model holds of it: the mean of its windows', weighed by their tokens. Never truncated.
    pub fn prediction(&self) -> &Prediction {
        &self.prediction
    }

    /// How many windows it took to read it.
    pub fn windows(&self) -> usize {
        self.windows
    }
}

impl Document {
    /// The prediction of a document of these sentences; `None` when there are none.
    pub fn new(sentences: Vec<Sentence>, labels: &Arc<LabelMap>, aggregate: Aggregate) -> Option<Self> {
        let weight = |sentence: &Sentence| match aggregate {
            Aggregate::TokenWeighted => sentence.prediction.tokens(),
            Aggregate::Mean => 1,
        };
        let weighed = sentences.iter().map(|sentence| (sentence.prediction.probabilities(), weight(sentence)));
        let tokens = sentences.iter().map(|sentence| sentence.prediction.tokens()).sum();
        let prediction =
            (!sentences.is_empty()).then(|| Prediction::new(Arc::clone(labels), mean(weighed), tokens, false))?;
        Some(Self { prediction, sentences })
    }

    /// What the model holds of all of it. Its tokens are those of its sentences together.
    pub fn prediction(&self) -> &Prediction {
        &self.prediction
    }

    /// The sentences, in order.
    pub fn sentences(&self) -> &[Sentence] {
        &self.sentences
    }

    /// How many windows it took to read it.
    pub fn windows(&self) -> usize {
        self.sentences.iter().map(Sentence::windows).sum()
    }
}

/// The weighted mean of rows of probabilities, computed in f64 in their order. Of one row, that row to the bit.
fn mean<'a>(rows: impl Iterator<Item = (&'a [f32], usize)>) -> Vec<f32> {
    let mut sums: Vec<f64> = Vec::new();
    let mut weights = 0.0;
    for (row, weight) in rows {
        sums.resize(row.len(), 0.0);
        weights += weight as f64;
        for (sum, &probability) in sums.iter_mut().zip(row) {
            *sum += f64::from(probability) * weight as f64;
        }
    }
    assert!(weights > 0.0, "something with tokens was read");
    sums.into_iter().map(|sum| (sum / weights) as f32).collect()
}

impl Serialize for Sentence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Sentence", 10)?;
        out.serialize_field("start", &self.bytes.start)?;
        out.serialize_field("end", &self.bytes.end)?;
        out.serialize_field("text", &self.text)?;
        self.prediction.serialize_judgement(&mut out)?;
        out.serialize_field("tokens", &self.prediction.tokens())?;
        out.serialize_field("truncated", &self.prediction.truncated())?;
        if self.windows > 1 {
            out.serialize_field("windows", &self.windows)?;
        }
        out.end()
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Document", 6)?;
        self.prediction.serialize_judgement(&mut out)?;
        out.serialize_field("sentences", &self.sentences)?;
        out.serialize_field("windows", &self.windows())?;
        out.end()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn labels(names: &[&str]) -> Arc<LabelMap> {
        let names: BTreeMap<_, _> =
            names.iter().enumerate().map(|(id, name)| (id.to_string(), name.to_string())).collect();
        Arc::new(LabelMap::new(Some(&names), names.len(), &BTreeMap::new()).unwrap())
    }

    fn sentence(labels: &Arc<LabelMap>, windows: &[(&[f32], usize)], tokens: usize) -> Sentence {
        let windows: Vec<_> = windows.iter().map(|&(row, tokens)| (row.to_vec(), tokens)).collect();
        Sentence::new(3..7, "Buy.".into(), labels, &windows, tokens)
    }

    #[test]
    fn a_sentence_of_several_windows_has_their_mean_by_tokens_and_its_own_tokens_once() {
        let labels = labels(&["positive", "negative"]);
        let sentence = sentence(&labels, &[(&[0.75, 0.25], 30), (&[0.25, 0.75], 10)], 34);
        assert_eq!(
            serde_json::to_string(&sentence).unwrap(),
            r#"{"start":3,"end":7,"text":"Buy.","label":"positive","score":0.625,"scores":{"positive":0.625,"negative":0.375},"sentiment_score":0.25,"tokens":34,"truncated":false,"windows":2}"#
        );
    }

    #[test]
    fn a_document_has_the_mean_of_its_sentences_by_tokens_or_plain() {
        let labels = labels(&["positive", "negative"]);
        let sentences = vec![
            sentence(&labels, &[(&[0.75, 0.25], 10)], 10),
            sentence(&labels, &[(&[0.25, 0.75], 20), (&[0.25, 0.75], 20)], 30),
        ];
        let by_tokens = Document::new(sentences.clone(), &labels, Aggregate::TokenWeighted).unwrap();
        assert_eq!(by_tokens.prediction().probabilities(), [0.375, 0.625]);
        assert_eq!(
            (by_tokens.prediction().label(), by_tokens.prediction().tokens(), by_tokens.windows()),
            ("negative", 40, 3)
        );
        let plain = Document::new(sentences, &labels, Aggregate::Mean).unwrap();
        assert_eq!(plain.prediction().probabilities(), [0.5, 0.5]);
        assert_eq!(plain.prediction().label(), "positive");
    }

    #[test]
    fn a_document_serialises_in_the_contracts_shape() {
        let labels = labels(&["positive", "negative"]);
        let sentences = vec![sentence(&labels, &[(&[0.75, 0.25], 10)], 10)];
        let document = Document::new(sentences, &labels, Aggregate::default()).unwrap();
        assert_eq!(
            serde_json::to_string(&document).unwrap(),
            r#"{"label":"positive","score":0.75,"scores":{"positive":0.75,"negative":0.25},"sentiment_score":0.5,"sentences":[{"start":3,"end":7,"text":"Buy.","label":"positive","score":0.75,"scores":{"positive":0.75,"negative":0.25},"sentiment_score":0.5,"tokens":10,"truncated":false}],"windows":1}"#
        );
    }

    #[test]
    fn labels_that_are_each_true_or_not_keep_their_own_means_and_no_sentiment_score_is_made_up() {
        let labels = labels(&["E", "S", "G"]);
        let sentences =
            vec![sentence(&labels, &[(&[1.0, 0.75, 0.0], 4)], 4), sentence(&labels, &[(&[0.5, 0.75, 0.0], 12)], 12)];
        let document = Document::new(sentences, &labels, Aggregate::TokenWeighted).unwrap();
        assert_eq!(document.prediction().probabilities(), [0.625, 0.75, 0.0]);
        assert_eq!((document.prediction().label(), document.prediction().sentiment_score()), ("S", None));
        assert!(!serde_json::to_string(&document).unwrap().contains("sentiment_score"));
    }

    #[test]
    fn one_row_is_its_own_mean_to_the_bit() {
        let row = [0.1, 0.7, 0.2, f32::MIN_POSITIVE, -3.7e-5, 12.3];
        for weight in [1, 3, 7, 512, 999_983] {
            assert_eq!(mean([(&row[..], weight)].into_iter()), row);
        }
    }

    #[test]
    fn no_sentences_make_no_document() {
        assert_eq!(Document::new(Vec::new(), &labels(&["a", "b"]), Aggregate::Mean), None);
    }
}
