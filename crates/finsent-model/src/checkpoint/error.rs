//! Why a checkpoint cannot be read.

use thiserror::Error;

use super::names::PREFIXES;
use super::pickle::PickleError;
use crate::io_error::IoError;
use crate::model_files::FilesError;

/// Why a checkpoint cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// A file could not be read.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The file of weights could not be opened or mapped.
    #[error("cannot read `{file}`")]
    Io {
        /// The file.
        file: String,
        /// The system's error.
        source: IoError,
    },
    /// The file is shorter or longer than its header says.
    #[error(
        "`{file}` is damaged or half copied: it should have {expected} bytes by its header, but has {found}. Copy or download it again"
    )]
    Length {
        /// The file.
        file: String,
        /// The bytes by the header, header included.
        expected: u128,
        /// The bytes of the file.
        found: u64,
    },
    /// The file's first bytes are not the size of a header.
    #[error(
        "`{file}` is neither a safetensors file nor one of torch.save: its header would have {found} bytes; the limit is {limit}"
    )]
    HeaderSize {
        /// The file.
        file: String,
        /// The size in the first 8 bytes.
        found: u64,
        /// The limit.
        limit: u64,
    },
    /// The header is not valid.
    #[error("`{file}` is not a valid safetensors file: {reason}")]
    Header {
        /// The file.
        file: String,
        /// What the parser found.
        reason: String,
    },
    /// A file of torch.save is not valid, or asks for something that weights do not need.
    #[error("`{file}` {reason}")]
    Pickle {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: PickleError,
    },
    /// The index of the shards is not valid, or contradicts a shard.
    #[error("`{file}` is not a valid index: {reason}")]
    Index {
        /// The index.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The metadata of packed weights contradicts the tensors of the file.
    #[error("the packed weights of `{file}` are damaged: {reason}. Convert the original model again")]
    Packed {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The weights are packed by a later or earlier version of finsent.
    #[error(
        "`{file}` has packed weights of the version `{found}`; this finsent reads version {known}. Convert the original model again with this finsent, or use the version that wrote it"
    )]
    PackedVersion {
        /// The file.
        file: String,
        /// The version in the file.
        found: String,
        /// The version that is read.
        known: &'static str,
    },
    /// The weights are packed in a layout that this version does not know.
    #[error(
        "`{file}` has weights packed in the layout `{layout}` with panels of {width} columns, which this finsent does not know. Convert the original model again with this finsent, or use the version that wrote it"
    )]
    PackedLayout {
        /// The file.
        file: String,
        /// The name of the layout.
        layout: String,
        /// Columns of a panel.
        width: usize,
    },
    /// Two tensors have the same plain name.
    #[error("`{file}` has both `{first}` and `{second}`, which name the same tensor")]
    Duplicate {
        /// The file of the second tensor.
        file: String,
        /// The stored name of the first tensor.
        first: String,
        /// The stored name of the second tensor.
        second: String,
    },
    /// The checkpoint lacks a tensor of the architecture.
    #[error(
        "`{file}` lacks the tensor `{tensor}` of the shape {expected:?} (also tried: the prefixes {}, `module.` and `_orig_mod.`)",
        PREFIXES.map(|prefix| format!("`{prefix}`")).join(", ")
    )]
    MissingTensor {
        /// The file or index.
        file: String,
        /// The plain name.
        tensor: String,
        /// The shape by config.json.
        expected: Vec<usize>,
    },
    /// The shape of a tensor contradicts config.json.
    #[error("`{file}`: the tensor `{tensor}` has the shape {found:?}, but by config.json it should be {expected:?}")]
    Shape {
        /// The file.
        file: String,
        /// The stored name.
        tensor: String,
        /// The shape by config.json.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// A tensor has a type that finsent does not read.
    #[error("`{file}`: the tensor `{tensor}` has the type {found}; expected {expected}")]
    Dtype {
        /// The file.
        file: String,
        /// The stored name.
        tensor: String,
        /// The accepted types.
        expected: String,
        /// The type in the file.
        found: String,
    },
}
