//! Financial sentiment of texts: FinBERT on the CPU, in pure Rust.
//!
//! finsent labels news, filings and posts as positive, negative or neutral, with a probability for each label. The
//! models are BERT classifiers; a small one, `mini`, is compiled into the library. There is no Python inside, no libtorch
//! and no ONNX runtime.
//!
//! ```
//! use finsent::Model;
//!
//! let model = Model::builder().build()?;
//! let prediction = model.classify("Shares plunged 12% after the profit warning")?;
//! assert_eq!(prediction.label(), "negative");
//! assert!(prediction.score() > 0.9);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Classify many texts with one call, which packs them into batches without padding:
//!
//! ```
//! # let model = finsent::Model::builder().build()?;
//! let texts = ["Orders doubled in March", "", "The board meets on Monday"];
//! let results = model.classify_batch(texts);
//! assert!(results[0].is_ok() && results[1].is_err() && results[2].is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A text longer than the model's window (512 tokens for most models) is cut, and
//! [`truncated`](Prediction::truncated) says so. [`Model::classify_document`] reads all of it, sentence by sentence.
//!
//! [`Model::explain`] says which words made a prediction:
//!
//! ```
//! # let model = finsent::Model::builder().build()?;
//! let explanation = model.explain("Shares plunged 12%")?;
//! let strongest = explanation.words().iter().max_by(|one, other| one.weight().total_cmp(&other.weight()));
//! assert_eq!((explanation.label(), strongest.map(|word| word.text())), ("negative", Some("plunged")));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Choosing a model
//!
//! | | |
//! |---|---|
//! | [`ModelBuilder::embedded`] | `mini`, 23 million parameters: the default |
//! | [`ModelBuilder::directory`] | a classifier that transformers has saved, of any kind that `docs/models.md` lists |
//! | `ModelBuilder::catalog` | `finbert`, `finbert-tone` and others by name, pinned and verified (feature `hub`) |
//! | `ModelBuilder::hub` | any repository of the Hugging Face hub (feature `hub`) |
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `embedded-model` | yes | `mini`, 24 MB of your binary |
//! | `cli` | yes | the command `finsent` and its HTTP service; turn it off in a library |
//! | `hub` | with `cli` | models by name, downloaded from the hub (TLS by ring, which needs a C compiler) |
//! | `verify` | off | the comparison with candle-transformers that `finsent verify` runs |
//!
//! To embed finsent in a program, turn the default features off:
//!
//! ```toml
//! finsent = { version = "0.2", default-features = false, features = ["embedded-model"] }
//! ```
//!
//! # Guarantees
//!
//! The prediction of a text is the same, bit for bit, alone or in any batch and with any number of threads and workers. The
//! library starts no thread but the compute threads of a [`Model`] and, while a call has several batches, one for each further
//! [worker](ModelBuilder::workers). It installs no hook, prints nothing, and uses the network only for a model that you name
//! and that is not on the machine.
#![warn(missing_docs)]

mod builder;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod embedded;
mod model;

#[cfg(feature = "hub")]
pub use finsent_hub::{CatalogError, ResolveError};
pub use finsent_kernels::{Precision, ThreadPoolError};
pub use finsent_model::{
    Aggregate, ClassifyError, Document, ExplainError, ExplainMethod, ExplainOptions, ExplainedPart, Explanation,
    FilesError, LoadError, Prediction, Sentence, Strongest, sentences,
};

pub use builder::{BuildError, ModelBuilder};
pub use model::{Model, TextError};

/// The Rust examples of the documentation are tests.
#[cfg(doctest)]
mod documentation {
    #[doc = include_str!("../README.md")]
    mod readme {}
    #[doc = include_str!("../docs/library.md")]
    mod library {}
}
