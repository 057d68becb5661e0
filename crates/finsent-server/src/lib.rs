//! The HTTP service: requests in, predictions out, by several protocols; which texts are computed when, and together with
//! which; and the metrics of it.

mod http;
mod metrics;
mod scheduler;

pub use http::{
    HttpLimits, Identity, Keys, KeysError, Listen, Loaded, SelfTestError, ServedModel, Server, ServerSettings, Service,
    run, self_test, sleep, spawn,
};
pub use metrics::Metrics;
pub use scheduler::{Scheduler, SchedulerLimits};
