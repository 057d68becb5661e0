//! Financial sentiment of texts, from text to prediction.
//!
//! A text becomes tokens, tokens become a packed batch, the encoder turns the batch into logits, and logits become a
//! prediction: labels with probabilities. A long text is split into sentences, whose predictions become the prediction
//! of the document.
//!
//! This is the engine behind the crate `finsent`, which is easier to use. Use this crate directly for the parts: the
//! tokenizer, packed batches, logits, checkpoints, or the encoder as a candle module.
//!
//! ```no_run
//! use std::path::Path;
//! use std::sync::Arc;
//!
//! use finsent_kernels::ComputeThreads;
//! use finsent_model::{ModelFiles, ModelOptions, Pipeline, Text};
//!
//! let threads = Arc::new(ComputeThreads::new(None)?);
//! let files = ModelFiles::in_dir(Path::new("finbert"), &[])?;
//! let pipeline = Pipeline::load(&files, &ModelOptions::default(), &threads)?;
//! let text = Text::parse("Shares plunged 12% after the profit warning")?;
//! for prediction in pipeline.classify(&[&text]) {
//!     let prediction = prediction?;
//!     println!("{} {:.3}", prediction.label(), prediction.score());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Modules, from bottom to top
//!
//! | module | items |
//! |---|---|
//! | `html`, `text` | [`Text`]: checked input, with HTML left out if you like |
//! | `model_files`, `model_options` | [`ModelFiles`], [`ModelOptions`]: where a model is, and its settings |
//! | `tokenizer` | [`Tokenizer`]: text to [`Encoding`] (token ids), or to overlapping [`Windows`] |
//! | `batch` | [`PackedBatch`]: the tokens of all texts without padding |
//! | `checkpoint` | [`Checkpoint`]: weights from safetensors and torch.save, mapped |
//! | `encoder` | [`Config`], [`Encoder`]: packed batch to [`Logits`], by BERT or one of its relatives |
//! | `language` | [`Language`], [`Languages`]: the languages that a model reads |
//! | `labels`, `activation`, `prediction` | [`LabelMap`], [`Activation`], [`Prediction`]: logits to labels with probabilities |
//! | `document` | [`sentences`], [`Sentence`], [`Document`]: splitting and aggregation |
//! | `classification`, `json` | [`Granularity`], [`Classification`]: what to predict and the result; its JSON |
//! | `explanation` | [`Explaining`], [`Explanation`]: which words made a prediction |
//! | [`machine`] | memory, and how the CPUs hang together |
//! | [`platform`] | what differs between operating systems |
//! | `workers` | how many batches are computed at a time |
//! | `pipeline` | [`Pipeline`]: the whole flow |
//! | `convert` | [`Conversion`]: writes a checkpoint in another number format |
//! | [`mod@bench`], [`verify`], [`candle`] | speed, correctness, and the encoder as a candle module |
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `verify` | no | the comparison with candle-transformers in [`verify`] |
//!
//! # Guarantees
//!
//! - The logits of a text are the same, bit for bit, alone or in any batch and with any number of threads and workers.
//! - A text that fails does not affect the others of a call.
//! - Files of models may come from anywhere: they are checked before use, nothing in a pickle is run, and errors name
//!   the file, what is wrong and what to do.
//! - The crate computes on the [`ComputeThreads`](finsent_kernels::ComputeThreads) that you give it. A call with several
//!   batches may start a thread for each worker but the first; they end with the call. The crate installs no panic hook unless you call [`silence_caught_panics`].
//! - Types of candle appear only in [`candle`], those of serde_json and tokenizers nowhere.
#![warn(missing_docs)]

mod activation;
mod batch;
pub mod bench;
pub mod candle;
mod catch_panic;
mod checkpoint;
mod classification;
mod convert;
mod document;
mod encoder;
mod explanation;
mod html;
mod io_error;
mod json;
mod json_error;
mod labels;
mod language;
pub mod machine;
mod model_files;
mod model_options;
mod pipeline;
pub mod platform;
mod prediction;
mod published;
mod regular_file;
mod suggest;
mod text;
mod tokenizer;
pub mod verify;
mod workers;

pub use activation::Activation;
pub use batch::{MAX_BATCH_TOKENS, PackedBatch};
pub use catch_panic::{catch_panic, silence_caught_panics};
pub use checkpoint::{Checkpoint, CheckpointError, PickleError, packed_precision, weight_files};
pub use classification::{Classification, EncodedText, Granularity};
pub use convert::{Conversion, ConvertError, PackedConversion, WeightFormat};
pub use document::{Aggregate, Document, Sentence, SplitText, Strongest, sentences};
pub use encoder::{Architecture, Config, ConfigError, Encoder, EncoderError, Logits};
pub use explanation::{ExplainError, ExplainMethod, ExplainOptions, ExplainedPart, Explaining, Explanation};
pub use html::has_html;
pub use io_error::{IoError, plain_words};
pub use json::{LabelCounts, Scores};
pub use json_error::JsonError;
pub use labels::{LabelError, LabelMap};
pub use language::{Language, LanguageError, Languages};
pub use model_files::{
    CONFIG_FILE, FilesError, ModelFile, ModelFiles, PACKED_FILE, SAFETENSORS_FILE, SENTENCE_PIECE_FILES,
    TokenizerFiles, VocabularyFiles, WeightFiles,
};
pub use model_options::ModelOptions;
pub use pipeline::{ClassifyError, LoadError, Pipeline};
pub use prediction::Prediction;
pub use published::PublishedPrediction;
pub use regular_file::{is_regular, open_regular};
pub use suggest::suggest;
pub use text::{Text, TextError};
pub use tokenizer::{ClassOfModel, Encoding, Limits, OVERLAP, Token, TokenPlace, Tokenizer, TokenizerError, Windows};
