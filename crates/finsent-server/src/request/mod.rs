//! Reading a request: admission, its body within limits, and the JSON in it. Writing its answer, within the same limit on
//! memory.

mod admitted;
mod answer;
mod body;
mod content_coding;
mod context;
mod decoder;
mod fields;
#[cfg(feature = "grpc")]
mod grpc_head;
#[cfg(feature = "grpc")]
mod grpc_message;
mod gzip;
mod json;
mod memory;
mod object;
mod text_input;
mod turn;

pub(crate) use self::admitted::Admitted;
pub(crate) use self::answer::{AnswerWriter, json_answer};
pub(crate) use self::body::{AnyBody, Body, INLINE_BYTES, is_json_lines};
pub(crate) use self::content_coding::ContentCoding;
pub(crate) use self::context::{Arrival, ModelLabel, RequestId, service};
pub(crate) use self::decoder::Decoder;
pub(crate) use self::fields::Fields;
#[cfg(feature = "grpc")]
pub(crate) use self::grpc_head::take_head;
#[cfg(feature = "grpc")]
pub(crate) use self::grpc_message::GrpcMessage;
pub(crate) use self::json::{WholeNumber, elements, kind, text_elements, without_position};
pub(crate) use self::memory::MemoryPermit;
pub(crate) use self::object::Object;
pub(crate) use self::text_input::{ItemError, TextInput, parse_text, parse_texts};
pub(crate) use self::turn::Turn;
