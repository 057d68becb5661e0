//! The JSON of predictions, sentences and documents. Its fields are part of finsent's interface.

use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

use crate::classification::Classification;
use crate::document::{Document, Sentence, Strongest};
use crate::prediction::Prediction;

/// `{"label", "score", "scores", "sentiment_score", "tokens", "truncated"}`; `sentiment_score` only if there is one.
impl Serialize for Prediction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Prediction", 6)?;
        scores_of(self, &mut out)?;
        out.serialize_field("tokens", &self.tokens())?;
        out.serialize_field("truncated", &self.truncated())?;
        out.end()
    }
}

/// A prediction with `start`, `end` and `text` before it, and `windows` after it if there are several.
impl Serialize for Sentence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Sentence", 10)?;
        out.serialize_field("start", &self.bytes().start)?;
        out.serialize_field("end", &self.bytes().end)?;
        out.serialize_field("text", self.text())?;
        scores_of(self.prediction(), &mut out)?;
        out.serialize_field("tokens", &self.prediction().tokens())?;
        out.serialize_field("truncated", &self.prediction().truncated())?;
        if self.windows() > 1 {
            out.serialize_field("windows", &self.windows())?;
        }
        out.end()
    }
}

/// `{"label", "score", "scores", "sentiment_score", "label_counts", "strongest", "sentences", "windows"}`; `strongest` only if
/// there is a sentiment score.
impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Document", 8)?;
        scores_of(self.prediction(), &mut out)?;
        out.serialize_field("label_counts", &LabelCounts(self))?;
        match self.strongest() {
            Some(strongest) => out.serialize_field("strongest", &strongest)?,
            None => out.skip_field("strongest")?,
        }
        out.serialize_field("sentences", self.sentences())?;
        out.serialize_field("windows", &self.windows())?;
        out.end()
    }
}

/// The JSON of the prediction or the document, or `{"sentences", "windows"}`.
impl Serialize for Classification {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(prediction) => prediction.serialize(serializer),
            Self::Document(document) => document.serialize(serializer),
            Self::Sentences(sentences) => {
                let mut out = serializer.serialize_struct("Sentences", 2)?;
                out.serialize_field("sentences", sentences)?;
                out.serialize_field("windows", &sentences.iter().map(Sentence::windows).sum::<usize>())?;
                out.end()
            }
        }
    }
}

/// The fields that texts, sentences and documents share.
fn scores_of<S: SerializeStruct>(prediction: &Prediction, out: &mut S) -> Result<(), S::Error> {
    out.serialize_field("label", prediction.label())?;
    out.serialize_field("score", &prediction.score())?;
    out.serialize_field("scores", &Scores(prediction))?;
    match prediction.sentiment_score() {
        Some(sentiment_score) => out.serialize_field("sentiment_score", &sentiment_score),
        None => out.skip_field("sentiment_score"),
    }
}

/// Serializes the scores of a prediction as `{"positive": 0.9, ...}`, in the order of the logits.
#[derive(Debug)]
pub struct Scores<'a>(pub &'a Prediction);

impl Serialize for Scores<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let scores = self.0.scores();
        let mut map = serializer.serialize_map(Some(scores.len()))?;
        for (label, probability) in scores {
            map.serialize_entry(label, &probability)?;
        }
        map.end()
    }
}

/// Serializes how many sentences of a document have each label as `{"positive": 2, ...}`, in the order of the logits.
#[derive(Debug)]
pub struct LabelCounts<'a>(pub &'a Document);

impl Serialize for LabelCounts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.label_counts())
    }
}

/// `{"positive": [3, 0], "negative": [2]}`: places in `sentences`, from 0.
impl Serialize for Strongest<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Strongest", 2)?;
        out.serialize_field("positive", self.positive())?;
        out.serialize_field("negative", self.negative())?;
        out.end()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::document::Aggregate;
    use crate::labels::LabelMap;

    fn labels() -> Arc<LabelMap> {
        let id2label = BTreeMap::from([("0".to_owned(), "positive".to_owned()), ("1".into(), "negative".into())]);
        Arc::new(LabelMap::new(Some(&id2label), 2, &BTreeMap::new()).unwrap())
    }

    fn sentence(windows: &[(Vec<f32>, usize)]) -> Sentence {
        Sentence::new(3..7, "Buy.".into(), &labels(), windows, 10)
    }

    #[test]
    fn a_prediction_has_the_documented_fields() {
        let prediction = Prediction::new(labels(), vec![0.75, 0.25], 12, true);
        assert_eq!(
            serde_json::to_string(&prediction).unwrap(),
            r#"{"label":"positive","score":0.75,"scores":{"positive":0.75,"negative":0.25},"sentiment_score":0.5,"tokens":12,"truncated":true}"#
        );
    }

    #[test]
    fn a_model_without_sentiment_labels_has_no_sentiment_score() {
        let labels = Arc::new(LabelMap::new(None, 2, &BTreeMap::new()).unwrap());
        let json = serde_json::to_string(&Prediction::new(labels, vec![0.75, 0.25], 12, false)).unwrap();
        assert!(!json.contains("sentiment_score"), "{json}");
    }

    #[test]
    fn a_sentence_has_its_offsets_and_the_number_of_its_windows() {
        let windows = [(vec![0.75, 0.25], 30), (vec![0.25, 0.75], 10)];
        assert_eq!(
            serde_json::to_string(&sentence(&windows)).unwrap(),
            r#"{"start":3,"end":7,"text":"Buy.","label":"positive","score":0.625,"scores":{"positive":0.625,"negative":0.375},"sentiment_score":0.25,"tokens":10,"truncated":false,"windows":2}"#
        );
    }

    #[test]
    fn a_document_has_the_documented_fields() {
        let sentences = vec![sentence(&[(vec![0.75, 0.25], 10)])];
        let document = Document::new(sentences, &labels(), Aggregate::default()).unwrap();
        assert_eq!(
            serde_json::to_string(&document).unwrap(),
            r#"{"label":"positive","score":0.75,"scores":{"positive":0.75,"negative":0.25},"sentiment_score":0.5,"label_counts":{"positive":1,"negative":0},"strongest":{"positive":[0],"negative":[]},"sentences":[{"start":3,"end":7,"text":"Buy.","label":"positive","score":0.75,"scores":{"positive":0.75,"negative":0.25},"sentiment_score":0.5,"tokens":10,"truncated":false}],"windows":1}"#
        );
    }
}
