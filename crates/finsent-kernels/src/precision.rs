//! The number format in which the encoder computes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The precision of weights and matrix products. Everything else is f32 in each of them: sums, the residual stream,
/// softmax, layer normalization and the classification head.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats, the reference.
    #[default]
    F32,
    /// bfloat16 weights. Activations are rounded to bfloat16 too if the CPU can multiply it.
    Bf16,
    /// 8-bit weights with a scale per output, and 8-bit activations with a scale per token.
    Int8,
}

impl Precision {
    /// All precisions, the most exact first.
    pub const ALL: [Self; 3] = [Self::F32, Self::Bf16, Self::Int8];
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        })
    }
}
