//! Aggregation: from sentences to the document.

use std::sync::Arc;

use super::mean::mean;
use super::sentence::Sentence;
use super::strongest::Strongest;
use crate::labels::LabelMap;
use crate::prediction::Prediction;

/// How a document's probabilities are averaged over its sentences.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Aggregate {
    /// Weighted by the tokens of each sentence, special tokens included.
    #[default]
    TokenWeighted,
    /// The plain mean, as in `predict()` of finBERT.
    Mean,
    /// As [`Aggregate::TokenWeighted`], but only of the sentences whose label is the positive or the negative one. If there
    /// are none, or the model has no such labels, of all sentences.
    Polar,
}

impl Aggregate {
    /// The weight of each sentence in the mean.
    pub(crate) fn weights(self, sentences: &[Sentence]) -> Vec<usize> {
        let leaves_out = self == Self::Polar && sentences.iter().any(|sentence| is_polar(sentence.prediction()));
        let weight = |sentence: &Sentence| match self {
            Self::Mean => 1,
            _ if leaves_out && !is_polar(sentence.prediction()) => 0,
            Self::TokenWeighted | Self::Polar => sentence.prediction().tokens(),
        };
        sentences.iter().map(weight).collect()
    }
}

/// The prediction for a document, and its sentences.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    prediction: Prediction,
    sentences: Vec<Sentence>,
}

impl Document {
    /// Aggregates a document; `None` if there are no sentences.
    pub fn new(sentences: Vec<Sentence>, labels: &Arc<LabelMap>, aggregate: Aggregate) -> Option<Self> {
        let weights = aggregate.weights(&sentences);
        let probabilities = sentences.iter().map(|sentence| sentence.prediction().probabilities());
        let tokens = sentences.iter().map(|sentence| sentence.prediction().tokens()).sum();
        let weighted = probabilities.zip(weights);
        let prediction =
            (!sentences.is_empty()).then(|| Prediction::new(Arc::clone(labels), mean(weighted), tokens, false))?;
        Some(Self { prediction, sentences })
    }

    /// The prediction for the whole document. Its tokens are the sum over the sentences.
    pub fn prediction(&self) -> &Prediction {
        &self.prediction
    }

    /// The sentences, in order.
    pub fn sentences(&self) -> &[Sentence] {
        &self.sentences
    }

    /// How many sentences have each label, in the order of the labels.
    pub fn label_counts(&self) -> impl ExactSizeIterator<Item = (&str, usize)> {
        let count = |id| self.sentences.iter().filter(|sentence| sentence.prediction().label_id() == id).count();
        self.prediction.scores().enumerate().map(move |(id, (label, _))| (label, count(id)))
    }

    /// Its most positive and its most negative sentences, if the model predicts sentiment.
    pub fn strongest(&self) -> Option<Strongest<'_>> {
        Strongest::of(&self.sentences)
    }

    /// The number of windows in which the document was read.
    pub fn windows(&self) -> usize {
        self.sentences.iter().map(Sentence::windows).sum()
    }
}

/// Whether the label of a prediction is the positive or the negative one.
fn is_polar(prediction: &Prediction) -> bool {
    prediction.sentiment_ids().is_some_and(|ids| ids.contains(&prediction.label_id()))
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
    fn a_sentence_in_several_windows_is_their_mean_weighted_by_tokens() {
        let labels = labels(&["positive", "negative"]);
        let sentence = sentence(&labels, &[(&[0.75, 0.25], 30), (&[0.25, 0.75], 10)], 34);
        assert_eq!(sentence.prediction().probabilities(), [0.625, 0.375]);
        assert_eq!((sentence.prediction().tokens(), sentence.windows()), (34, 2));
    }

    #[test]
    fn a_document_is_the_weighted_or_the_plain_mean_of_its_sentences() {
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
    fn neutral_sentences_weigh_nothing_in_a_polar_mean_unless_all_are_neutral() {
        let labels = labels(&["positive", "negative", "neutral"]);
        let neutral = sentence(&labels, &[(&[0.25, 0.25, 0.5], 90)], 90);
        let up = sentence(&labels, &[(&[0.5, 0.25, 0.25], 30)], 30);
        let down = sentence(&labels, &[(&[0.0, 1.0, 0.0], 10)], 10);
        let scores = |sentences: &[&Sentence]| {
            let sentences = sentences.iter().map(|&sentence| sentence.clone()).collect();
            Document::new(sentences, &labels, Aggregate::Polar).unwrap().prediction().probabilities().to_vec()
        };
        assert_eq!(scores(&[&neutral, &up, &down, &neutral]), [0.375, 0.4375, 0.1875]);
        assert_eq!(scores(&[&neutral, &neutral]), [0.25, 0.25, 0.5]);
    }

    #[test]
    fn the_sentences_of_a_document_are_counted_by_label() {
        let labels = labels(&["positive", "negative", "neutral"]);
        let rows: [&[f32]; 4] = [&[0.75, 0.25, 0.0], &[0.25, 0.25, 0.5], &[1.0, 0.0, 0.0], &[0.0, 0.0, 1.0]];
        let sentences = rows.map(|row| sentence(&labels, &[(row, 9)], 9)).to_vec();
        let document = Document::new(sentences, &labels, Aggregate::TokenWeighted).unwrap();
        let counts: Vec<_> = document.label_counts().collect();
        assert_eq!(counts, [("positive", 2), ("negative", 0), ("neutral", 2)]);
        let strongest = document.strongest().unwrap();
        assert_eq!((strongest.positive(), strongest.negative()), (&[2, 0][..], &[][..]));
    }

    #[test]
    fn labels_of_a_multi_label_model_are_averaged_one_by_one() {
        let labels = labels(&["E", "S", "G"]);
        let sentences =
            vec![sentence(&labels, &[(&[1.0, 0.75, 0.0], 4)], 4), sentence(&labels, &[(&[0.5, 0.75, 0.0], 12)], 12)];
        let document = Document::new(sentences, &labels, Aggregate::TokenWeighted).unwrap();
        assert_eq!(document.prediction().probabilities(), [0.625, 0.75, 0.0]);
        assert_eq!((document.prediction().label(), document.prediction().sentiment_score()), ("S", None));
    }

    #[test]
    fn a_document_needs_a_sentence() {
        assert_eq!(Document::new(Vec::new(), &labels(&["a", "b"]), Aggregate::Mean), None);
    }
}
