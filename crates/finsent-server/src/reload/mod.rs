//! Models that are exchanged while the service runs.
//!
//! One thread loads all models: at the start, and whenever a request or a signal asks for it, one at a time and in that
//! order (`exchange`). It loads a model beside the one that answers, tests it, and only then puts it in its place, so that a
//! model that cannot be loaded changes nothing. A request that has found its model holds it until it is answered, and so does
//! a stream to its end. Whoever is the last to hold a model frees it.
//!
//! The scheduler and its cache know each model that was ever loaded by a number of its own
//! ([`BackendModel`](crate::BackendModel)), so that nothing of an old model is mixed with the new one's.

mod exchange;
mod failure;
mod reloads;
mod source;
#[cfg(test)]
mod tests;

pub(crate) use self::exchange::{create_series, run};
pub use self::failure::LoadFailure;
pub(crate) use self::reloads::{Reloads, Reply, Wish};
pub use self::source::ModelSource;
