//! The HTTP service of finsent: requests in, predictions out, through five protocols.

#![warn(missing_docs)]

mod api_keys;
#[cfg(feature = "swagger-ui")]
mod docs_page;
mod error;
mod error_format;
mod inference;
mod listen;
mod loaded_models;
mod metrics;
mod middleware;
mod openapi;
mod probes;
mod protocols;
mod request;
mod route;
mod routes;
mod scheduler;
mod self_test;
mod serve;
mod served_model;
mod server;
mod service;

pub use api_keys::{ApiKeys, ApiKeysError};
pub use listen::{Listen, ListenError};
pub use loaded_models::LoadedModels;
pub use metrics::Metrics;
pub use scheduler::{BackendModel, Failure, Refusal, Scheduler, SchedulerLimits};
pub use self_test::{NoPrediction, SelfTestError, self_test};
pub use serve::{ServeError, serve};
pub use served_model::{ModelIdentity, ServedModel};
pub use server::{Server, ServerSettings};
pub use service::{HttpLimits, Service};

#[cfg(test)]
mod tests;
