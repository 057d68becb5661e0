//! The arithmetic of a BERT encoder on a CPU: packed matrix products, attention, layer normalization, embeddings, and the
//! thread pool that runs them. The crate works on matrices of f32; tensors, models and texts are
//! the business of the crates above it.
//!
//! # Layers
//!
//! From bottom to top:
//!
//! | module | holds |
//! |---|---|
//! | `thread_pool` | pools of workers that run the tasks of one job at a time, and share their threads |
//! | `simd` | vectors |
//! | `product` | the step of a matrix product for each pair of number formats |
//! | `narrow` | what attention in bfloat16 and bytes needs beside them |
//! | `portable`, `x86_64`, `aarch64` | a token for each instruction set that proves the CPU has it |
//! | `operand_format` | the number formats of activations |
//! | `isa` | the instruction set that this process uses |
//! | `math` | exp and GELU on vectors |
//! | `widen` | the numbers of a file become f32 |
//! | `aligned`, `matrix`, `shared` | matrices with rows on cache lines, and how threads write parts of them |
//! | `shared_bytes` | weights that are only read, in memory or in a mapped file |
//! | `partition` | how work is divided among workers |
//! | `operand`, `quantized` | activations in these formats |
//! | `gemm` | a matrix product, tile by tile |
//! | `linear`, `rotary`, `attention`, `disentangled`, `elementwise`, `layer_norm`, `embedding` | the parts of an encoder |
//! | `peak` | how much arithmetic the CPU can do at most |
//!
//! # Guarantees
//!
//! A row of a result depends only on the same row of the input, and in attention on the rows of the same text. It has the
//! same bits whatever else is in the batch and however many threads compute it, because every sum is added up in the same
//! order. Results may differ between instruction sets.
//!
//! A number that is not finite is never hidden: the row of a result that depends on it is not finite either.
//!
//! # Unsafe code
//!
//! Three kinds of code are unsafe, and each is discharged in one way:
//!
//! * **Instructions.** An intrinsic may only run on a CPU that has it. The types in `x86_64` and `aarch64` are tokens:
//!   their constructors check the CPU, and each method relies on the token that it is called on.
//! * **Pointers in products.** The inner loops use unchecked addresses. `Gemm::check` compares the lengths of all slices
//!   with the shape once per product, and a tile may only be created after that.
//! * **Shared memory.** The tasks of a job write parts of one matrix at the same time. The types in `shared` check every
//!   bound, so one promise is left to their callers: that nobody else uses the same part. It holds wherever each task has
//!   its own rows or columns, because [`ThreadPool::run`] calls each task exactly once and returns after all of them.
//!
//! A function whose caller must promise something is `unsafe` and says in its *Safety* section what. The lint
//! `unsafe_code` is denied, and each file that needs it lifts it with a reason. Miri runs the tests with the portable
//! kernels, and loom runs models of the thread pool's protocol through their interleavings. The flag of loom rebuilds every
//! dependency, so give it a target directory of its own:
//!
//! ```console
//! $ cargo +nightly miri test --package finsent-kernels --lib
//! $ RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom \
//!     cargo test --package finsent-kernels --release --lib thread_pool
//! ```
#![warn(clippy::multiple_unsafe_ops_per_block, clippy::undocumented_unsafe_blocks, unsafe_op_in_unsafe_fn)]
#![expect(unexpected_cfgs, reason = "`cfg(loom)` builds the models of the thread pool")]

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod aligned;
mod attention;
mod disentangled;
mod elementwise;
mod embedding;
mod gemm;
mod isa;
mod layer_norm;
mod linear;
mod math;
mod matrix;
#[cfg(target_arch = "x86_64")]
mod narrow;
mod operand;
mod operand_format;
mod partition;
mod peak;
mod platform;
mod portable;
mod precision;
mod product;
mod quantized;
#[cfg(test)]
mod reference;
mod rotary;
mod shared;
mod shared_bytes;
mod simd;
#[cfg(test)]
mod tests;
mod thread_pool;
mod weight_memory;
mod widen;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub use attention::{Attention, Reach, Scratch};
pub use disentangled::{DisentangledAttention, PositionProjections, RelativePositions};
pub use elementwise::{add, multiply};
pub use embedding::{EmbeddingTable, TableNumbers};
pub use gemm::Activation;
pub use isa::{Isa, IsaError};
pub use layer_norm::LayerNorm;
pub use linear::{
    Linear, PackedError, PackedParts, PackedWeights, WeightLayout, WeightRows, operand_format, quantize_weights,
};
pub use matrix::Matrix;
pub use operand::Operand;
pub use operand_format::OperandFormat;
pub use peak::peak_gops;
pub use precision::Precision;
pub use quantized::QuantizedMatrix;
pub use rotary::Rotary;
pub use shared_bytes::SharedBytes;
pub use thread_pool::{ComputeThreads, SharedPool, ThreadPool, ThreadPoolError};
pub use weight_memory::WeightStore;
pub use widen::{read_f32, scale_rows, widen_bf16, widen_f16, widen_i8};
