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

#[cfg(feature = "grpc")]
pub(super) use self::{
    config::{ModelConfig, TensorConfig},
    metadata::{ModelMetadata, ServerMetadata, TensorMetadata},
    model_path::{VERSION, check_version},
    outputs::{OutputName, values},
    repository::{READY, RepositoryModel, change, parameter_refused},
    statistics::{ModelStatistics, Spent},
    tensor::{Values, binary_texts, check_shape, text_of_bytes},
};
