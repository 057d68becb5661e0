//! An explanation in the making: which token sequences to score next, and the result once all are scored.

use std::ops::Range;

use super::error::ExplainError;
use super::game::{Game, Weights};
use super::method::ExplainMethod;
use super::options::ExplainOptions;
use super::result::{ExplainedPart, Explanation};
use super::sentences::SentenceGame;
use super::word_tokens::WordTokens;
use crate::classification::{Classification, Granularity};
use crate::document::{Aggregate, Document, Sentence, sentences};
use crate::labels::LabelMap;
use crate::text::Text;
use crate::tokenizer::{Encoding, Tokenizer, TokenizerError};

/// The sentences of a document that are explained by their words: the strongest ones.
const EXPLAINED_SENTENCES: usize = 3;

/// An explanation whose token sequences are being scored.
///
/// Score what [`next_passes`](Self::next_passes) gives and hand the result to
/// [`Pipeline::advance`](crate::Pipeline::advance), until nothing is left to score; then [`finish`](Self::finish).
#[derive(Debug)]
pub struct Explaining {
    method: ExplainMethod,
    label: String,
    /// The id of the label.
    id: usize,
    /// The probability of the label.
    score: f32,
    /// For a document, what is known of its sentences.
    document: Option<ExplainedDocument>,
    /// One for a text; for a document, one for each of the strongest sentences, once they are known.
    games: Vec<WordGame>,
    /// Token sequences that were scored.
    passes: usize,
}

/// The words of a text or a sentence.
#[derive(Debug)]
struct WordGame {
    tokens: WordTokens,
    words: Vec<ExplainedPart>,
    game: Game,
    /// The probability for all words.
    all: f64,
    /// What a difference of 1 makes in the score: the share of a sentence in its document.
    scale: f64,
    /// The coalitions that were handed out.
    handed_out: usize,
    /// The probability for each coalition that was scored.
    values: Vec<f64>,
}

#[derive(Debug)]
struct ExplainedDocument {
    text: Text,
    sentences: SentenceGame,
    /// Each sentence in the text as the model reads it.
    plain: Vec<Range<usize>>,
    /// Each sentence as it is reported, with the number of its windows.
    parts: Vec<(ExplainedPart, usize)>,
    /// The tokens of the empty text; `None` once they are handed out.
    empty: Option<Encoding>,
    /// The probability for the empty text.
    base: Option<f64>,
    /// Token sequences that the words may take.
    passes: usize,
}

impl Explaining {
    /// Plans the explanation of a prediction. `text` is what `classification` was made from, at this granularity.
    ///
    /// # Errors
    /// [`ExplainError`].
    pub(crate) fn new(
        text: &Text,
        classification: &Classification,
        granularity: Granularity,
        options: &ExplainOptions,
        (tokenizer, labels): (&Tokenizer, &LabelMap),
    ) -> Result<Self, ExplainError> {
        let prediction = match classification {
            Classification::Text(prediction) => prediction,
            Classification::Document(document) => document.prediction(),
            Classification::Sentences(_) => return Err(ExplainError::Sentences),
        };
        let id = options.label_id(labels)?.unwrap_or_else(|| prediction.label_id());
        let mut explaining = Self {
            method: options.method,
            label: labels.labels()[id].clone(),
            id,
            score: prediction.probabilities()[id],
            document: None,
            games: Vec::new(),
            passes: 0,
        };
        match (classification, granularity) {
            (Classification::Document(document), Granularity::Document(aggregate)) => {
                explaining.document =
                    Some(ExplainedDocument::new(text, document, (aggregate, id), options, tokenizer)?);
            }
            _ => {
                let whole = 0..text.as_str().len();
                let of_text = (f64::from(explaining.score), 1.0);
                explaining.games.push(WordGame::new(text, whole, of_text, options.method, options.passes, tokenizer)?);
            }
        }
        Ok(explaining)
    }

    /// The next token sequences to score: at least one, and as many as have `max_tokens` tokens. None if all are handed out.
    pub fn next_passes(&mut self, max_tokens: usize) -> Vec<Encoding> {
        if let Some(empty) = self.document.as_mut().and_then(|document| document.empty.take()) {
            return vec![empty];
        }
        let mut encodings: Vec<Encoding> = Vec::new();
        let mut tokens = 0;
        for game in &mut self.games {
            while let Some(encoding) = game.next() {
                tokens += encoding.len();
                encodings.push(encoding);
                if tokens >= max_tokens {
                    return encodings;
                }
            }
        }
        encodings
    }

    /// The most token sequences that it takes in all. For a document it is a bound until its strongest sentences are known.
    pub fn most_passes(&self) -> usize {
        let of_words = || self.games.iter().map(|game| game.game.coalitions().len()).sum();
        self.document.as_ref().map_or_else(of_words, |document| 1 + document.passes)
    }

    /// Takes the probabilities of the token sequences that were handed out last, in their order.
    pub(crate) fn receive(
        &mut self,
        probabilities: impl ExactSizeIterator<Item = Vec<f32>>,
        tokenizer: &Tokenizer,
    ) -> Result<(), ExplainError> {
        self.passes += probabilities.len();
        let id = self.id;
        let mut values = probabilities.map(|row| f64::from(row[id]));
        if let Some(document) = self.document.as_mut().filter(|document| document.base.is_none()) {
            document.base = values.next();
            self.games = document.games(self.method, tokenizer)?;
        }
        for game in &mut self.games {
            let missing = game.handed_out - game.values.len();
            game.values.extend(values.by_ref().take(missing));
        }
        Ok(())
    }

    /// The explanation.
    ///
    /// # Panics
    /// If token sequences are left to be scored.
    pub fn finish(self) -> Explanation {
        let weights: Vec<Weights> = self.games.iter().map(|game| game.game.weights(game.all, &game.values)).collect();
        let errors =
            self.games.iter().zip(&weights).filter_map(|(game, weights)| Some(weights.standard_error? * game.scale));
        let standard_error = errors.map(|error| error as f32).reduce(f32::max);
        let base_of_text = weights.first().map(|weights| weights.base);
        let base = self.document.as_ref().map_or(base_of_text, |document| document.base);
        let base = base.expect("all token sequences are scored");
        let mut words: Vec<ExplainedPart> = Vec::new();
        for (game, weights) in self.games.into_iter().zip(weights) {
            let weighted = game.words.into_iter().zip(weights.weights);
            words.extend(weighted.map(|(word, weight)| ExplainedPart { weight: (weight * game.scale) as f32, ..word }));
        }
        words.sort_by_key(|word| word.bytes.start);
        let sentences = self.document.map(|document| document.into_parts(self.method, base));
        let Self { method, label, score, passes, .. } = self;
        Explanation { label, method, score, base: base as f32, words, sentences, passes, standard_error }
    }
}

impl WordGame {
    /// The words in a part of a text. `value` and `scale` are the probability for all of them, and their share in the score.
    fn new(
        text: &Text,
        part: Range<usize>,
        (all, scale): (f64, f64),
        method: ExplainMethod,
        passes: usize,
        tokenizer: &Tokenizer,
    ) -> Result<Self, ExplainError> {
        let plain = &text.as_str()[part.clone()];
        let tokens = WordTokens::new(plain, tokenizer.encode_located(plain)?)?;
        let players = tokens.words().len();
        let game = Game::new(method, players, passes).map_err(|needed| ExplainError::TooFewPasses {
            method,
            words: players,
            needed,
            passes,
        })?;
        let word = |bytes: &Range<usize>| ExplainedPart {
            bytes: text.source_range(part.start + bytes.start..part.start + bytes.end),
            text: plain[bytes.clone()].to_owned(),
            weight: 0.0,
        };
        let words = tokens.words().iter().map(word).collect();
        Ok(Self { tokens, words, game, all, scale, handed_out: 0, values: Vec::new() })
    }

    /// The next token sequence to score.
    fn next(&mut self) -> Option<Encoding> {
        let coalition = self.game.coalitions().get(self.handed_out)?;
        self.handed_out += 1;
        Some(self.tokens.only(coalition))
    }
}

impl ExplainedDocument {
    fn new(
        text: &Text,
        document: &Document,
        (aggregate, label): (Aggregate, usize),
        options: &ExplainOptions,
        tokenizer: &Tokenizer,
    ) -> Result<Self, ExplainError> {
        let Some(passes) = options.passes.checked_sub(1) else {
            let (method, words) = (options.method, document.sentences().len());
            return Err(ExplainError::TooFewPasses { method, words, needed: 1, passes: 0 });
        };
        let part = |sentence: &Sentence| {
            let part = ExplainedPart { bytes: sentence.bytes(), text: sentence.text().to_owned(), weight: 0.0 };
            (part, sentence.windows())
        };
        Ok(Self {
            text: text.clone(),
            sentences: SentenceGame::new(document.sentences(), aggregate, label),
            plain: sentences(text.as_str()),
            parts: document.sentences().iter().map(part).collect(),
            empty: Some(empty_text(tokenizer)?),
            base: None,
            passes,
        })
    }

    /// The words of the strongest sentences. A sentence that is longer than the window, or takes more passes than its part of
    /// what is allowed, is not explained by words.
    fn games(&self, method: ExplainMethod, tokenizer: &Tokenizer) -> Result<Vec<WordGame>, ExplainError> {
        let weights = self.sentences.weights(method, self.base.unwrap_or_default());
        let mut strongest: Vec<usize> = (0..weights.len()).filter(|&sentence| weights[sentence] != 0.0).collect();
        strongest.sort_by(|&one, &other| weights[other].abs().total_cmp(&weights[one].abs()));
        strongest.truncate(EXPLAINED_SENTENCES);
        let passes = self.passes / strongest.len().max(1);
        let mut games = Vec::new();
        for sentence in strongest.into_iter().filter(|&sentence| self.parts[sentence].1 == 1) {
            let value = (self.sentences.probability(sentence), self.sentences.share(sentence));
            match WordGame::new(&self.text, self.plain[sentence].clone(), value, method, passes, tokenizer) {
                Ok(game) => games.push(game),
                Err(ExplainError::TooFewPasses { .. } | ExplainError::Tokenizer(TokenizerError::NotLocated)) => (),
                Err(error) => return Err(error),
            }
        }
        Ok(games)
    }

    /// The sentences with their weights.
    fn into_parts(self, method: ExplainMethod, base: f64) -> Vec<ExplainedPart> {
        let weights = self.sentences.weights(method, base);
        let weighted = self.parts.into_iter().zip(weights);
        weighted.map(|((part, _), weight)| ExplainedPart { weight: weight as f32, ..part }).collect()
    }
}

/// The tokens of a text without words: the special tokens around every text.
fn empty_text(tokenizer: &Tokenizer) -> Result<Encoding, ExplainError> {
    match tokenizer.encode_located("") {
        Ok(located) => Ok(located.encoding),
        Err(TokenizerError::NoTokens) => Err(ExplainError::NoEmptyText),
        Err(error) => Err(error.into()),
    }
}
