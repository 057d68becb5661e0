//! The number format in which the encoder computes.

use std::fmt;

use serde::Deserialize;

/// Precision of weights and matrix products. Sums, the residual stream, softmax, LayerNorm and the head are f32 in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats: the reference.
    #[default]
    F32,
    /// bfloat16 weights; activations are rounded to it too where the CPU multiplies it.
    Bf16,
    /// 8-bit weights with a scale an output, 8-bit activations with a scale a token.
    Int8,
}

impl Precision {
    /// All of them, the most exact first.
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
