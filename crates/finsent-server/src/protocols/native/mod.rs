//! finsent's own protocol: `/v1/sentiment`, with a JSON body or as a stream of lines, and `/v1/models`.

mod explain;
mod item;
pub(crate) mod models;
mod options;
mod problem;
pub(crate) mod sentiment;
mod stream;

pub(crate) use self::problem::Problem;
pub(crate) use self::stream::{LineInput, LineSplitter, classify_stream};
