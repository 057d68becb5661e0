//! The sentences that say most about a document.

use super::sentence::Sentence;

/// The most sentences each way.
const MOST: usize = 3;

/// The most positive and the most negative sentences of a document, at most three each: those with the label, the one with
/// the highest score of that label first.
#[derive(Debug, Clone)]
pub struct Strongest<'a> {
    sentences: &'a [Sentence],
    positive: Vec<usize>,
    negative: Vec<usize>,
}

impl<'a> Strongest<'a> {
    /// `None` if the sentences have no sentiment score.
    pub(super) fn of(sentences: &'a [Sentence]) -> Option<Self> {
        let [positive, negative] = sentences.first()?.prediction().sentiment_ids()?;
        let strongest = |label| {
            let has_label = |&place: &usize| sentences[place].prediction().label_id() == label;
            let mut places: Vec<usize> = (0..sentences.len()).filter(has_label).collect();
            let score = |place: usize| sentences[place].prediction().score();
            places.sort_by(|&one, &other| score(other).total_cmp(&score(one)));
            places.truncate(MOST);
            places
        };
        Some(Self { sentences, positive: strongest(positive), negative: strongest(negative) })
    }

    /// The places of the most positive sentences in the document, from 0.
    pub fn positive(&self) -> &[usize] {
        &self.positive
    }

    /// The places of the most negative sentences in the document, from 0.
    pub fn negative(&self) -> &[usize] {
        &self.negative
    }

    /// The sentence at a place.
    ///
    /// # Panics
    /// If the document has fewer.
    pub fn sentence(&self, place: usize) -> &'a Sentence {
        &self.sentences[place]
    }
}
