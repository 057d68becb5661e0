//! Predictions that were published with a model.

use serde::Deserialize;

/// A prediction that the authors of a model, or others, published. It serves to check an installation.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PublishedPrediction {
    /// The text.
    pub text: String,
    /// The predicted label.
    pub label: String,
    /// The probability of that label.
    pub score: f32,
}
