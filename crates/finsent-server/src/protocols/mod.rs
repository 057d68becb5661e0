//! The protocols: each takes the texts out of its requests and puts the predictions into its responses.

#[cfg(feature = "grpc")]
pub(crate) mod grpc;
pub(crate) mod hugging_face;
pub(crate) mod kserve;
mod label_score;
pub(crate) mod native;
pub(crate) mod open_inference;
mod plain_error;
mod prediction_schema;
mod schema;
pub(crate) mod tei;
pub(crate) mod vllm;

pub(crate) use self::plain_error::PlainError;
