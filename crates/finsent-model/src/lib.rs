//! From text to prediction: text becomes tokens, tokens become a packed batch, the encoder turns the batch into logits,
//! logits become predictions.

mod batch;
pub mod bench;
mod catch_panic;
mod checkpoint;
mod classification;
mod document;
mod encoder;
mod model_files;
mod pipeline;
mod prediction;
mod published;
mod suggest;
mod text;
mod tokenizer;
#[cfg(feature = "verify")]
pub mod verify;

pub use batch::{MAX_BATCH_TOKENS, PackedBatch};
pub use catch_panic::catch_panic;
pub use checkpoint::{Checkpoint, CheckpointError, Conversion, PickleError, WeightFormat, weight_files};
pub use classification::{Classification, EncodedText, Granularity};
pub use document::{Aggregate, Document, Sentence, sentences};
pub use encoder::{Architecture, Config, ConfigError, Encoder, EncoderError, Logits};
pub use model_files::{
    CONFIG_FILE, FilesError, ModelFile, ModelFiles, ModelOptions, SAFETENSORS_FILE, TokenizerFiles, WeightFiles,
};
pub use pipeline::{ClassifyError, LoadError, Pipeline};
pub use prediction::{Activation, LabelError, LabelMap, Prediction, Scores};
pub use published::PublishedPrediction;
pub use suggest::suggest;
pub use text::{Text, TextError};
pub use tokenizer::{Encoding, Limits, OVERLAP, Tokenizer, TokenizerError, Windows};
