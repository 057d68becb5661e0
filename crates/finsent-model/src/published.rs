//! Predictions that were published with a model.

use serde::Deserialize;

/// A prediction that the makers of a model, or others, have published.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PublishedPrediction {
    /// The text.
    pub text: String,
    /// The label that it was given.
    pub label: String,
    /// The probability of that label.
    pub score: f32,
}
