//! The number format in which the encoder computes.

use serde::Deserialize;

/// Precision of weights and matrix products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Precision {
    /// 32-bit floats: the reference.
    F32,
    /// bfloat16 products, f32 sums.
    Bf16,
    /// 8-bit weights and activations.
    Int8,
}
