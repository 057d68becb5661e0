//! The routes of text-embeddings-inference for classifiers.

mod error;
pub(crate) mod info;
pub(crate) mod predict;
pub(crate) mod tokenize;

pub(crate) use self::error::TextEmbeddingsError;
