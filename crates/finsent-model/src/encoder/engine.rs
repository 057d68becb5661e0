//! What all parts of the encoder compute with.

use finsent_kernels::{Isa, Precision, ThreadPool};

/// Instructions, threads and number format.
#[derive(Debug, Clone, Copy)]
pub(super) struct Engine<'a> {
    pub(super) isa: Isa,
    pub(super) pool: &'a ThreadPool,
    pub(super) precision: Precision,
}

/// The format of the activations that are multiplied with the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operands {
    /// The fastest format for the precision.
    Native,
    /// f32, so that only the weights are rounded.
    F32,
}

impl Operands {
    /// The precision of products in which no operand is a weight.
    pub(super) fn precision(self, engine: Engine<'_>) -> Precision {
        match self {
            Self::Native => engine.precision,
            Self::F32 => Precision::F32,
        }
    }
}
