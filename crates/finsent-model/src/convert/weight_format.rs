//! The number formats that weights can be stored in.

use std::fmt;

use ::safetensors::Dtype;
use finsent_kernels::Precision;

/// The number format of a converted checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightFormat {
    /// 32-bit floats.
    F32,
    /// bfloat16.
    Bf16,
    /// 16-bit floats.
    F16,
    /// Bytes with a scale per row for the large matrices; f32 for the other tensors.
    Int8,
}

impl WeightFormat {
    /// The precision that computes with weights in this format.
    pub(super) fn precision(self) -> Option<Precision> {
        match self {
            Self::F32 => Some(Precision::F32),
            Self::Bf16 => Some(Precision::Bf16),
            Self::Int8 => Some(Precision::Int8),
            Self::F16 => None,
        }
    }

    /// The type of the tensors that are not quantized.
    pub(super) fn float(self) -> Dtype {
        match self {
            Self::F32 | Self::Int8 => Dtype::F32,
            Self::Bf16 => Dtype::BF16,
            Self::F16 => Dtype::F16,
        }
    }
}

impl fmt::Display for WeightFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
            Self::Int8 => "int8",
        })
    }
}
