//! POST /v1/sentiment as a stream: a line in, a line out, in order, with bounded memory.
//!
//! Reading (`reader`) and answering (`writer`) are two futures that are polled as one response. A client that stops reading
//! answers therefore stops both, and a client that disconnects drops both, and with them its pending texts.

mod handler;
mod line_fields;
mod line_input;
mod line_splitter;
mod pending_line;
mod reader;
mod response_line;
mod writer;

pub(crate) use self::handler::classify_stream;
pub(crate) use self::line_input::LineInput;
pub(crate) use self::line_splitter::LineSplitter;
