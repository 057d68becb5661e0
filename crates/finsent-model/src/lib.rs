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
mod suggest;
mod text;
mod tokenizer;
pub mod verify;

pub use batch::{MAX_BATCH_TOKENS, PackedBatch};
pub use catch_panic::guarded;
pub use checkpoint::{Checkpoint, CheckpointError, Conversion, PickleError, WeightFormat, weight_files};
pub use classification::{Answer, Granularity, Prepared};
pub use document::{Aggregate, Document, Sentence, sentences};
pub use encoder::{Architecture, Config, ConfigError, Encoder, EncoderError, Logits};
pub use model_files::{CONFIG, FilesError, ModelFile, ModelFiles, ModelOptions, SINGLE, TokenizerFiles, WeightFiles};
pub use pipeline::{ClassifyError, LoadError, Pipeline};
pub use prediction::{Activation, LabelError, LabelMap, Scores, Verdict};
pub use suggest::nearest;
pub use text::{Text, TextError};
pub use tokenizer::{Encoding, Limits, OVERLAP, Tokenizer, TokenizerError, Windows};
pub use verify::PublishedPrediction;
