//! The number formats that can be named.

use clap::ValueEnum;
use finsent_kernels::Precision;
use finsent_model::WeightFormat;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PrecisionArg {
    F32,
    Bf16,
    Int8,
    /// For stored weights only: nothing computes in it.
    #[value(skip)]
    F16,
}

impl PrecisionArg {
    /// The precision to compute in; `None` for a format that only weights are stored in.
    pub(crate) fn computed_in(self) -> Option<Precision> {
        match self {
            Self::F32 => Some(Precision::F32),
            Self::Bf16 => Some(Precision::Bf16),
            Self::Int8 => Some(Precision::Int8),
            Self::F16 => None,
        }
    }
}

impl From<PrecisionArg> for WeightFormat {
    fn from(arg: PrecisionArg) -> Self {
        match arg {
            PrecisionArg::F32 => Self::F32,
            PrecisionArg::Bf16 => Self::Bf16,
            PrecisionArg::Int8 => Self::Int8,
            PrecisionArg::F16 => Self::F16,
        }
    }
}
