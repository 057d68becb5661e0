//! The Open Inference Protocol over gRPC, with Triton's additions, the standard health service, and server reflection.
//!
//! The transport makes calls into requests, so keys, limits, metrics and the log are those of HTTP. `proto` beside `src` has
//! the schema; [`messages`] are its messages as structs. The message with the texts is read by hand (`request`), because a
//! struct of many short elements would take a multiple of its bytes.

mod answer;
pub(crate) mod describe;
pub(crate) mod health;
pub(crate) mod infer;
pub(crate) mod messages;
pub(crate) mod reflection;
pub(crate) mod repository;
pub(crate) mod request;
mod status;
mod wire;

pub(crate) use self::status::{FORMAT, no_method, trailers};
