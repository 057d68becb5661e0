//! Reading a request: admission, its body within limits, and the JSON in it.

mod admitted;
mod body;
mod content_coding;
mod context;
mod fields;
mod json;
mod memory;
mod stream_decoder;
mod text_input;

pub(crate) use self::admitted::Admitted;
pub(crate) use self::body::{AnyBody, Body, is_json_lines};
pub(crate) use self::content_coding::ContentCoding;
pub(crate) use self::context::{Arrival, ModelLabel, RequestId, service};
pub(crate) use self::fields::Fields;
pub(crate) use self::json::{Object, WholeNumber, kind, without_position};
pub(crate) use self::memory::MemoryPermit;
pub(crate) use self::stream_decoder::StreamDecoder;
pub(crate) use self::text_input::{ItemError, TextInput, parse_text};
