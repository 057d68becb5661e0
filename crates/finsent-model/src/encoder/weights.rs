//! Loads the tensors of a checkpoint into the types of the kernels.

use std::ops::Range;

use finsent_kernels::{EmbeddingTable, LayerNorm, Linear, Precision, WeightRows};

use super::engine::Engine;
use crate::checkpoint::{Checkpoint, CheckpointError, StoredMatrix};

/// A path in the tree of tensor names of a [`Checkpoint`], and the engine that its weights are packed for.
#[derive(Debug)]
pub(super) struct Weights<'a> {
    checkpoint: &'a Checkpoint,
    engine: Engine<'a>,
    path: String,
}

impl<'a> Weights<'a> {
    pub(super) fn root(checkpoint: &'a Checkpoint, engine: Engine<'a>) -> Self {
        Self { checkpoint, engine, path: String::new() }
    }

    pub(super) fn at(&self, name: &str) -> Self {
        Self { checkpoint: self.checkpoint, engine: self.engine, path: self.full_name(name) }
    }

    /// The same path, for weights that are always f32.
    pub(super) fn in_f32(&self) -> Self {
        let engine = Engine { precision: Precision::F32, ..self.engine };
        Self { checkpoint: self.checkpoint, engine, path: self.path.clone() }
    }

    pub(super) fn linear(&self, name: &str, inputs: usize, outputs: usize) -> Result<Linear, CheckpointError> {
        self.linears(&[name], inputs, outputs)
    }

    /// Several layers with the same input as one layer, with their outputs side by side. Each has `outputs` outputs.
    pub(super) fn linears(&self, names: &[&str], inputs: usize, outputs: usize) -> Result<Linear, CheckpointError> {
        let mut stack = Stack { parts: Vec::new(), outputs, inputs };
        let mut bias = Vec::new();
        for name in names {
            let at = self.at(name);
            stack.parts.push(at.checkpoint.matrix(&at.full_name("weight"), [outputs, inputs])?);
            bias.extend(at.checkpoint.vector(&at.full_name("bias"), outputs)?);
        }
        let Engine { isa, pool, precision } = self.engine;
        Ok(Linear::pack(isa, pool, precision, &stack, inputs, bias))
    }

    pub(super) fn layer_norm(&self, name: &str, size: usize, eps: f64) -> Result<LayerNorm, CheckpointError> {
        let at = self.at(name);
        let vector = |name| at.checkpoint.vector(&at.full_name(name), size);
        Ok(LayerNorm { weight: vector("weight")?, bias: vector("bias")?, eps: eps as f32 })
    }

    pub(super) fn table(&self, name: &str, rows: usize, columns: usize) -> Result<EmbeddingTable, CheckpointError> {
        let matrix = self.checkpoint.matrix(&self.at(name).full_name("weight"), [rows, columns])?;
        Ok(EmbeddingTable::load(self.engine.pool, self.engine.precision, &matrix, rows, columns))
    }

    fn full_name(&self, name: &str) -> String {
        match self.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        }
    }
}

/// Matrices stacked by rows.
struct Stack<'a> {
    parts: Vec<StoredMatrix<'a>>,
    /// The rows of each part.
    outputs: usize,
    /// The columns of each part.
    inputs: usize,
}

impl Stack<'_> {
    /// For each part with some of `rows`: the part, the range of its own rows, and their range within `rows`.
    fn parts(&self, rows: Range<usize>) -> impl Iterator<Item = (&StoredMatrix<'_>, Range<usize>, Range<usize>)> {
        self.parts.iter().enumerate().filter_map(move |(index, part)| {
            let first = index * self.outputs;
            let (start, end) = (rows.start.max(first), rows.end.min(first + self.outputs));
            (start < end).then(|| (part, start - first..end - first, start - rows.start..end - rows.start))
        })
    }
}

impl WeightRows for Stack<'_> {
    fn read(&self, rows: Range<usize>, to: &mut [f32]) {
        for (part, rows, at) in self.parts(rows) {
            part.read(rows, &mut to[at.start * self.inputs..at.end * self.inputs]);
        }
    }

    fn are_int8(&self) -> bool {
        self.parts.iter().all(WeightRows::are_int8)
    }

    fn read_int8(&self, rows: Range<usize>, to: &mut [i8], scales: &mut [f32]) {
        for (part, rows, at) in self.parts(rows) {
            part.read_int8(rows, &mut to[at.start * self.inputs..at.end * self.inputs], &mut scales[at]);
        }
    }
}
