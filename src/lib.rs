//! finsent labels financial text as positive, negative or neutral, on the CPU, without Python.
//!
//! **Text becomes tokens, tokens become a packed batch, the encoder turns the batch into logits, logits become
//! verdicts; the terminal and the network are two thin faces over that flow.**
//!
//! The floor plan, each floor importing only from those below it (`tests/house.rs` checks this):
//!
//! | floor | rooms |
//! |---|---|
//! | faces | `cli`: arguments, rows in, rows out, exit codes; `http`: requests in, verdicts out, by five protocols |
//! | time | `scheduler`: which texts are computed when, and together with which |
//! | sums | `summary`: verdicts by group and time |
//! | proof | `verify`: are the answers right here; `bench`: how fast; `evaluation`: how good on labelled texts |
//! | flow | `pipeline` over `text`, `tokens`, `batch`, `encoder`, `verdict`, `document`, `answer` |
//! | cellar | `locate` finds a model's `files` by the `catalog`: `embedded`, in a directory, or on the `hub`; `checkpoint` reads its weights, and converts them; `digest` says what its bytes are |
//! | ground | `metrics`, `telemetry`, `hash`, `guard`; and `ground`, a package of its own: `kernels` on `threads`, `precision`, `nearest` |
//!
//! The encoder is one operation of candle, `encoder/ops.rs`; within it, the arithmetic is that of `kernels`. The command
//! `serve` is put together in `cli/serve.rs`: it gives models to the scheduler, and the scheduler to `http`.

use ground::{kernels, nearest, precision, threads};

mod answer;
mod batch;
mod bench;
mod catalog;
mod checkpoint;
pub mod cli;
mod digest;
mod document;
mod embedded;
mod encoder;
mod evaluation;
mod files;
mod guard;
mod hash;
mod http;
mod hub;
mod locate;
mod metrics;
mod pipeline;
mod scheduler;
mod summary;
mod telemetry;
mod text;
mod tokens;
mod verdict;
mod verify;

pub use answer::{Answer, Granularity};
pub use batch::PackedBatch;
pub use catalog::{Catalog, CatalogError};
pub use checkpoint::{Checkpoint, CheckpointError, PickleError};
pub use document::{Aggregate, Document, Sentence, sentences};
pub use encoder::{Architecture, Config, ConfigError, Encoder, EncoderError, Logits};
pub use files::{FilesError, ModelFile, ModelFiles, ModelOptions, TokenizerFiles, WeightFiles};
pub use kernels::IsaError;
pub use pipeline::{ClassifyError, LoadError, Pipeline};
pub use precision::Precision;
pub use text::{Text, TextError};
pub use threads::ThreadsError;
pub use tokens::{Encoding, Limits, OVERLAP, Tokenizer, TokenizerError, Windows};
pub use verdict::{Activation, LabelError, LabelMap, Verdict};
