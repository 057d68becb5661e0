//! The memory of a pass: allocated once, and grown to the largest pass so far.

use finsent_kernels::{Matrix, Operand, OperandFormat, QuantizedMatrix, Scratch, operand_format};

use super::{Config, Engine, Operands};

/// Activations that a product reads: as f32, and rounded to the form that the weights' instructions take.
#[derive(Debug)]
pub(super) struct Activations {
    pub(super) values: Matrix,
    /// None when that form is f32.
    rounded: Option<QuantizedMatrix>,
}

impl Activations {
    fn new(form: OperandFormat, columns: usize) -> Self {
        let rounded = (form != OperandFormat::F32).then(|| QuantizedMatrix::new(form, columns));
        Self { values: Matrix::new(columns), rounded }
    }

    /// The values, and where their rounded form goes if it is wanted.
    pub(super) fn parts(&mut self, operands: Operands) -> (&mut Matrix, Option<&mut QuantizedMatrix>) {
        let rounded = if operands == Operands::Native { self.rounded.as_mut() } else { None };
        (&mut self.values, rounded)
    }

    /// To be called when the values are written, unless a kernel has done it.
    pub(super) fn round(&mut self, engine: Engine<'_>, operands: Operands) {
        if let (values, Some(rounded)) = self.parts(operands) {
            rounded.quantize(engine.isa, engine.pool, values);
        }
    }

    pub(super) fn operand(&self, operands: Operands) -> Operand<'_> {
        match (&self.rounded, operands) {
            (Some(rounded), Operands::Native) => Operand::Quantized(rounded),
            _ => Operand::F32(&self.values),
        }
    }
}

/// All matrices of a pass.
#[derive(Debug)]
pub(super) struct Arena {
    /// `[total_tokens, hidden_size]`
    pub(super) hidden: Activations,
    /// `[texts, hidden_size]`: of each text's first token, in the last layer
    pub(super) first: Activations,
    pub(super) work: Work,
}

/// What a layer needs beside its input.
#[derive(Debug)]
pub(super) struct Work {
    /// `[queries, hidden_size]`
    pub(super) query: Matrix,
    /// `[total_tokens, 2 hidden_size]`
    pub(super) key_value: Matrix,
    /// `[queries, hidden_size]`
    pub(super) context: Activations,
    /// `[queries, hidden_size]`
    pub(super) projected: Matrix,
    /// `[queries, intermediate_size]`
    pub(super) intermediate: Activations,
    pub(super) scratch: Scratch,
}

impl Arena {
    pub(super) fn new(config: &Config, engine: Engine<'_>) -> Self {
        let &Config { hidden_size, intermediate_size, .. } = config;
        let form = operand_format(engine.isa, engine.precision);
        Self {
            hidden: Activations::new(form, hidden_size),
            first: Activations::new(form, hidden_size),
            work: Work {
                query: Matrix::new(hidden_size),
                key_value: Matrix::new(2 * hidden_size),
                context: Activations::new(form, hidden_size),
                projected: Matrix::new(hidden_size),
                intermediate: Activations::new(form, intermediate_size),
                scratch: Scratch::default(),
            },
        }
    }
}
