//! The texts with the highest and the lowest sentiment scores of a group.

/// Characters of a text that is kept; news and posts are shorter, and of an article the beginning is enough.
const KEPT_CHARACTERS: usize = 400;

/// A text that a summary quotes.
#[derive(Debug, Clone, PartialEq)]
pub struct QuotedText {
    /// Its beginning, at most 400 characters.
    pub text: String,
    /// Where it is, for people: `line 3`.
    pub place: String,
    /// Its sentiment score, from -1 to 1.
    pub sentiment_score: f64,
    /// The id of its label.
    pub label: usize,
}

/// The texts at both ends: those that are more positive than negative, the highest score first, and those that are more
/// negative, the lowest first. Of equal scores, the text that was added first comes first; of equal texts, there is one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Extremes {
    /// The most positive texts.
    pub highest: Vec<QuotedText>,
    /// The most negative texts.
    pub lowest: Vec<QuotedText>,
}

/// A text that may be kept, borrowed until it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'a> {
    text: &'a str,
    place: &'a str,
    score: f64,
    label: usize,
}

impl QuotedText {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.text.len() + self.place.len()
    }
}

impl<'a> Candidate<'a> {
    pub(super) fn new(text: &'a str, place: &'a str, score: f64, label: usize) -> Self {
        Self { text: start(text), place, score, label }
    }

    fn quoted(self) -> QuotedText {
        QuotedText {
            text: self.text.to_owned(),
            place: self.place.to_owned(),
            sentiment_score: self.score,
            label: self.label,
        }
    }
}

impl Extremes {
    /// Keeps a text if it is among the `most` of its end. Returns by how many bytes the texts have grown.
    pub(super) fn add(&mut self, most: usize, text: &Candidate<'_>) -> isize {
        if text.score > 0.0 {
            insert(&mut self.highest, most, text, |score| -score)
        } else if text.score < 0.0 {
            insert(&mut self.lowest, most, text, |score| score)
        } else {
            0
        }
    }

    pub(super) fn merge(&mut self, other: &Self, most: usize) {
        for text in other.highest.iter().chain(&other.lowest) {
            self.add(most, &Candidate::new(&text.text, &text.place, text.sentiment_score, text.label));
        }
    }
}

/// Inserts a text into a list that is ordered by `rank` of the scores.
fn insert(texts: &mut Vec<QuotedText>, most: usize, text: &Candidate<'_>, rank: impl Fn(f64) -> f64) -> isize {
    let place = texts.partition_point(|known| rank(known.sentiment_score) <= rank(text.score));
    // Equal texts have equal scores, unless other models or precisions scored them.
    if place >= most || texts.iter().any(|known| known.text == text.text) {
        return 0;
    }
    let bytes = |texts: &[QuotedText]| texts.iter().map(QuotedText::bytes).sum::<usize>().cast_signed();
    let before = bytes(texts);
    texts.insert(place, text.quoted());
    texts.truncate(most);
    bytes(texts) - before
}

/// The beginning of a text.
fn start(text: &str) -> &str {
    let end = text.char_indices().nth(KEPT_CHARACTERS).map_or(text.len(), |(end, _)| end);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extremes(most: usize, scores: &[(f64, &str)]) -> (Extremes, isize) {
        let mut extremes = Extremes::default();
        let add = |(index, (score, text)): (usize, &(f64, &str))| {
            extremes.add(most, &Candidate::new(text, &format!("line {index}"), *score, 0))
        };
        let bytes = scores.iter().enumerate().map(add).sum();
        (extremes, bytes)
    }

    #[test]
    fn the_texts_of_both_ends_are_kept_in_order_and_each_once() {
        let scores = [(0.2, "a"), (0.9, "b"), (0.9, "c"), (-0.1, "d"), (0.9, "b"), (0.0, "e"), (-0.7, "f"), (0.5, "g")];
        let (extremes, bytes) = extremes(3, &scores);
        let texts = |texts: &[QuotedText]| texts.iter().map(|text| text.text.clone()).collect::<Vec<_>>();
        assert_eq!(texts(&extremes.highest), ["b", "c", "g"]);
        assert_eq!(texts(&extremes.lowest), ["f", "d"]);
        assert_eq!(extremes.highest[0].place, "line 1");
        let all = extremes.highest.iter().chain(&extremes.lowest).map(QuotedText::bytes).sum::<usize>();
        assert_eq!(usize::try_from(bytes), Ok(all), "the bytes of texts that were dropped are taken back");
    }

    #[test]
    fn a_long_text_is_cut_between_characters_and_none_is_kept_if_none_is_wanted() {
        let long = "é".repeat(KEPT_CHARACTERS + 1);
        let (kept, _) = extremes(1, &[(1.0, &long)]);
        assert_eq!(kept.highest[0].text, "é".repeat(KEPT_CHARACTERS));
        assert_eq!(extremes(0, &[(1.0, "a")]), (Extremes::default(), 0));
    }
}
