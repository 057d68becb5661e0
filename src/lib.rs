//! finsent labels financial text as positive, negative or neutral, on the CPU, without Python.

mod embedded;

pub use embedded::model_files as embedded_model_files;
#[cfg(feature = "hub")]
pub use finsent_hub::{Catalog, CatalogError};
pub use finsent_kernels::{IsaError, Precision, ThreadPool, ThreadPoolError};
pub use finsent_model::{
    Activation, Aggregate, Architecture, Checkpoint, CheckpointError, Classification, ClassifyError, Config,
    ConfigError, Document, Encoder, EncoderError, Encoding, FilesError, Granularity, LabelError, LabelMap, Limits,
    LoadError, Logits, ModelFile, ModelFiles, ModelOptions, OVERLAP, PackedBatch, PickleError, Pipeline, Prediction,
    Sentence, Text, TextError, Tokenizer, TokenizerError, TokenizerFiles, WeightFiles, Windows, sentences,
};
