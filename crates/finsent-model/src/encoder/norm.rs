//! The normalization of a block: after its result was added to its input, as in BERT, or before it.

use finsent_kernels::{LayerNorm, Matrix};

use super::arena::{Activations, Hidden};
use super::engine::{Engine, Operands};
use super::structure::NormPlacement;

/// The normalization of a block.
#[derive(Debug)]
pub(super) enum Norm {
    /// `norm(x + block(x))`
    After(LayerNorm),
    /// `x + block(norm(x))`
    Before(LayerNorm),
    /// `x + block(x)`
    Absent,
}

impl Norm {
    pub(super) fn new(placement: NormPlacement, norm: LayerNorm) -> Self {
        match placement {
            NormPlacement::After => Self::After(norm),
            NormPlacement::Before => Self::Before(norm),
        }
    }

    /// What the block reads of `hidden`.
    pub(super) fn input<'a>(&self, engine: Engine<'_>, operands: Operands, hidden: &'a mut Hidden) -> &'a Activations {
        let Hidden { states, normalized } = hidden;
        match self {
            // The states were rounded when they were normalized.
            Self::After(_) => states,
            Self::Before(norm) => {
                let (values, rounded) = normalized.parts(operands);
                norm.forward_to(engine.isa, engine.pool, &states.values, values, rounded);
                normalized
            }
            Self::Absent => {
                states.round(engine, operands);
                states
            }
        }
    }

    /// Adds `result`, the result of the block, to `hidden`.
    pub(super) fn add(&self, engine: Engine<'_>, operands: Operands, result: &Matrix, hidden: &mut Hidden) {
        let Engine { isa, pool, .. } = engine;
        match self {
            Self::After(norm) => {
                let (values, rounded) = hidden.states.parts(operands);
                norm.forward(isa, pool, Some(result), values, rounded);
            }
            Self::Before(_) | Self::Absent => {
                finsent_kernels::add(isa, pool, &mut hidden.states.values, result);
            }
        }
    }
}
