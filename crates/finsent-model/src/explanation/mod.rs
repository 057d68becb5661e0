//! Explanations: how much each word of a text, and each sentence of a document, adds to the probability of a label.
//!
//! A word is left out by leaving out its tokens. The model's probability for the words that are left is the value of a game,
//! whose players are the words. `occlusion` leaves out one word at a time; `shapley` averages over the orders in which words
//! can be added to the empty text.
//!
//! This module plans: it says which token sequences to score ([`Explaining::next_passes`]) and what their probabilities mean
//! ([`Explaining::finish`]). It knows no engine, so the library and a server run the same plan, each in its own way.

mod coalition;
mod error;
mod explaining;
mod game;
mod json;
mod method;
mod options;
mod permutations;
mod result;
mod sentences;
mod word_tokens;
mod words;

pub use self::error::ExplainError;
pub use self::explaining::Explaining;
pub use self::method::ExplainMethod;
pub use self::options::ExplainOptions;
pub use self::result::{ExplainedPart, Explanation};
