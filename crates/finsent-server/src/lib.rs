//! The HTTP service of finsent: requests in, predictions out, through the protocols of six kinds of clients (finsent's own,
//! Hugging Face, text-embeddings-inference, vLLM, the Open Inference Protocol, KServe).
//!
//! [`Service`] is the state of the service, [`Server`] listens, and [`serve()`] runs both: it answers probes at once, loads
//! the models meanwhile, and drains at the end. Signals, command line and log format are the caller's.
//!
//! # The way of a request
//!
//! | step | module | what happens |
//! |---|---|---|
//! | 1 | `server`, `listen`, `transport` | a connection is accepted on a TCP port or a Unix socket; probes are answered |
//! | 2 | `middleware` | the request gets an id, its API key is checked |
//! | 3 | `routes` | the one table of routes finds its handler; error formats, metrics and `openapi` follow from it too |
//! | 4 | `request` | it is admitted if few enough are running; its body is read within limits and decompressed |
//! | 5 | `protocols` | the handler takes the texts out of its protocol's JSON |
//! | 6 | `inference` | the texts are tokenized and submitted |
//! | 7 | `scheduler` | they wait in a fair queue, are computed in batches, or are found in the cache |
//! | 8 | `protocols` | the handler writes the predictions, or `error` in its protocol's `error_format` |
//! | 9 | `middleware` | the response gets its headers, is counted in `metrics` and logged |
//! | 10 | `traces` | the spans of the request are exported, if it is traced |
//!
//! `reload` exchanges models meanwhile: a request holds the model that it has found, and goes on with it.
//!
//! A stream of lines (`protocols::native::stream`) takes steps 4 to 8 for each line, while its body is still being read.
//! Each module uses only modules that come after it in `server`, `transport`, `middleware`, `routes`, `protocols`, `inference`,
//! `request`, `reload`, `service`, `traces`, `error`, `scheduler`, `metrics`. The page at `/` is in `page`; its files are in the
//! folder `page` beside `src`.
//!
//! # Features
//!
//! - `swagger-ui` (default): the page at `/docs`. Without it, `/openapi.json` is still there.
//! - `grpc`: the Open Inference Protocol over gRPC, on the addresses of `ServerSettings::grpc_listen`.

#![warn(missing_docs)]

mod api_keys;
#[cfg(feature = "swagger-ui")]
mod docs_page;
mod error;
mod error_format;
mod excerpt;
#[doc(hidden)]
pub mod fuzzing;
mod inference;
mod listen;
mod loaded_models;
mod memory_budget;
mod metrics;
mod middleware;
mod openapi;
mod page;
mod platform;
mod probes;
mod protocols;
mod reload;
mod request;
mod request_id;
mod route;
mod routes;
mod scheduler;
mod self_test;
mod serve;
mod served_model;
mod server;
mod service;
mod static_file;
mod traces;
mod transport;

pub use api_keys::{ApiKeys, ApiKeysError};
pub use listen::{Listen, ListenError};
pub use loaded_models::LoadedModels;
pub use metrics::Metrics;
pub use reload::{LoadFailure, ModelSource};
pub use scheduler::{BackendModel, Failure, Refusal, Scheduler, SchedulerLimits};
pub use self_test::{NoPrediction, SelfTestError, self_test};
pub use serve::{ServeError, serve};
pub use served_model::{ModelCard, ModelIdentity, ServedModel};
pub use server::{Server, ServerSettings};
pub use service::{HttpLimits, Service};
pub use traces::{TraceSettings, TraceSettingsError};
pub use transport::StartError;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod transport_tests;
