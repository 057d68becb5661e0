//! `act(x Wᵀ + b)`: weights that are packed once, and the product over them.
//!
//! ```text
//! for each chunk of panels            a panel is NR columns of the result; a task of the pool
//!   for each block of rows            as many as stay in the second-level cache
//!     for each panel of the chunk
//!       for each block along k        as much of the panel as stays in the first-level cache
//!         for each tile of MR rows    MR × NR sums in registers, over all of the block
//! ```
//!
//! Between two blocks along k the sums wait in the result itself. After the last block they become numbers (for bytes:
//! less the zero point times the column's sum, times the scales), the bias is added, the activation is applied.
//! int8 weights keep what the bytes are short of in 4 bits beside them, for operands of f32 (`residue`).
//!
//! The order along k is that of the weights, so a row's result depends on nothing else.

mod pack;
mod residue;
mod tile;

pub use pack::{Linear, WeightRows, operand_format, quantise_weights};
pub use tile::Activation;
pub(super) use tile::Product2d;
