//! The arithmetic, on matrices of f32 and nothing else: no tensor, no layer, no text.
//!
//! From the bottom up:
//!
//! | file | holds |
//! |---|---|
//! | `simd`, `portable`, `x86_64`, `aarch64` | vectors, and a token for each set of instructions |
//! | `isa` | the set that this process uses |
//! | `math` | exp and GELU on vectors |
//! | `matrix`, `rows` | aligned rows, and work that is shared out by rows |
//! | `product` | the step of a matrix product, for each pair of number formats |
//! | `operand` | activations as a product takes them |
//! | `linear` | weights packed for the product, and the product |
//! | `layer_norm`, `attention`, `table` | the rest of the model |
//! | `peak` | what the CPU can do at most |
//!
//! `reference`, in the tests, is the same in plain f64. What a row becomes depends on nothing but that row (in attention:
//! on its text), whatever the number of rows, threads or tasks: the order along k is fixed.
#![allow(unsafe_code, unexpected_cfgs)]

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod attention;
mod isa;
mod layer_norm;
mod linear;
mod math;
mod matrix;
mod operand;
mod peak;
mod portable;
mod precision;
mod product;
#[cfg(test)]
mod reference;
mod rows;
mod simd;
mod table;
#[cfg(test)]
mod tests;
mod thread_pool;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub use attention::{Attention, Scratch};
pub use isa::IsaError;
pub use isa::{Isa, OperandFormat};
pub use layer_norm::LayerNorm;
pub use linear::{Activation, Linear, WeightRows, operand_format, quantise_weights};
pub use matrix::Matrix;
pub use operand::{Operand, Rounded};
pub use peak::peak_gops;
pub use precision::Precision;
pub use table::Table;
pub use thread_pool::{ThreadPool, ThreadPoolError};
