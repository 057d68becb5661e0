//! What is explained, and how.

use super::error::ExplainError;
use super::method::ExplainMethod;
use crate::labels::LabelMap;

/// What is explained, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainOptions {
    /// How the weights are computed.
    pub method: ExplainMethod,
    /// The label whose probability is explained, in any case; `None` for the predicted one.
    pub label: Option<String>,
    /// The most token sequences that the model may read for the explanation of a text.
    pub passes: usize,
}

impl ExplainOptions {
    /// The default of [`passes`](Self::passes).
    pub const PASSES: usize = 512;

    /// Checks the label before there is a text to explain.
    ///
    /// # Errors
    /// [`ExplainError::UnknownLabel`].
    pub fn check(&self, labels: &LabelMap) -> Result<(), ExplainError> {
        self.label_id(labels).map(drop)
    }

    /// The id of the label with this name, in any case if only one has it; `None` for the predicted one.
    pub(super) fn label_id(&self, labels: &LabelMap) -> Result<Option<usize>, ExplainError> {
        let Some(name) = &self.label else { return Ok(None) };
        let known = labels.labels();
        let in_any_case = || {
            let mut ids = (0..known.len()).filter(|&id| known[id].eq_ignore_ascii_case(name));
            ids.next().filter(|_| ids.next().is_none())
        };
        let id = known.iter().position(|label| label == name).or_else(in_any_case);
        id.map(Some).ok_or_else(|| ExplainError::UnknownLabel { label: name.clone(), known: known.to_vec() })
    }
}

impl Default for ExplainOptions {
    fn default() -> Self {
        Self { method: ExplainMethod::default(), label: None, passes: Self::PASSES }
    }
}
