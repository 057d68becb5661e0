//! Stands in for the models of candle-transformers in programs without them.

use super::error::VerifyError;
use crate::model_files::ModelFiles;
use crate::tokenizer::Encoding;

/// No model.
pub(super) enum CandleModel {}

impl CandleModel {
    /// Fails.
    pub(super) fn load(_files: &ModelFiles, _num_labels: usize) -> Result<Self, VerifyError> {
        Err(VerifyError::NoCandleTransformers)
    }

    /// Cannot be called.
    pub(super) fn logits(&self, _encoding: &Encoding) -> Result<Vec<f32>, VerifyError> {
        match *self {}
    }
}
