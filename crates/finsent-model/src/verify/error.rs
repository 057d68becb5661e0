//! Errors of the verification.

use std::error::Error as StdError;

use thiserror::Error;

use crate::checkpoint::CheckpointError;
use crate::encoder::ConfigError;
use crate::model_files::FilesError;
use crate::pipeline::ClassifyError;
use crate::text::TextError;

/// Why a comparison failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// A file could not be read.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// config.json is not valid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The weights could not be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The feature `verify` is off.
    #[error("this program was compiled without candle-transformers, with which predictions would be compared")]
    NoCandleTransformers,
    /// candle-transformers lacks something of this model.
    #[error("candle-transformers cannot check this model: {reason}")]
    NoReference {
        /// What it lacks.
        reason: &'static str,
    },
    /// candle-transformers failed.
    #[error("candle-transformers failed: {0}")]
    Candle(Box<dyn StdError + Send + Sync>),
    /// A text has no prediction.
    #[error("`{text}` has no prediction")]
    Prediction {
        /// The text.
        text: String,
        /// Why.
        source: ClassifyError,
    },
    /// A published text cannot be classified.
    #[error("`{text}` is not a text")]
    Text {
        /// The text.
        text: String,
        /// Why.
        source: TextError,
    },
}
