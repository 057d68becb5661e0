//! The Open Inference Protocol, version 2, of KServe, Triton and MLServer.

pub(crate) mod config;
pub(crate) mod health;
pub(crate) mod infer;
pub(crate) mod metadata;
mod model_path;
mod outputs;
pub(crate) mod repository;
pub(crate) mod statistics;
mod tensor;
